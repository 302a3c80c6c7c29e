// Package image owns the image document: what it says, how it is read and
// written, and the ids that follow from its bytes. It is pure data without
// state; package graph keeps the images. Start reading at Image and Parse. It
// must not import engine, graph or daemon.
package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// MaxConfigSize is the largest document that is read.
const MaxConfigSize = 8 << 20

// RootFS names the layers by the digest of their uncompressed archives, base
// first.
type RootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// History tells how one step of the image was made.
type History struct {
	Created    *time.Time `json:"created,omitempty"`
	CreatedBy  string     `json:"created_by,omitempty"`
	Author     string     `json:"author,omitempty"`
	Comment    string     `json:"comment,omitempty"`
	EmptyLayer bool       `json:"empty_layer,omitempty"` // the step made no layer
}

// Document is the image's JSON: that of the OCI image specification with the
// members that Docker adds.
type Document struct {
	Architecture    string            `json:"architecture"`
	Author          string            `json:"author,omitempty"`
	Comment         string            `json:"comment,omitempty"`
	Config          *runconfig.Config `json:"config,omitempty"`
	Container       string            `json:"container,omitempty"`
	ContainerConfig *runconfig.Config `json:"container_config,omitempty"`
	Created         *time.Time        `json:"created,omitempty"`
	DockerVersion   string            `json:"docker_version,omitempty"`
	History         []History         `json:"history,omitempty"`
	OS              string            `json:"os"`
	OSVersion       string            `json:"os.version,omitempty"`
	RootFS          RootFS            `json:"rootfs"`
	Variant         string            `json:"variant,omitempty"`
}

// Image is a document with what the store knows about it. Values are shared
// between readers and never changed; the store replaces them.
type Image struct {
	ID  string // "sha256:" and the digest of Raw
	Raw []byte // the document as it was received, byte for byte
	Document

	Parent      string    // id of the image it was made from here, "" for none
	RepoTags    []string  // "busybox:latest", sorted
	RepoDigests []string  // "busybox@sha256:…", sorted
	Size        int64     // of all layers
	TagTime     time.Time // when it was last given a name; zero if never
	// ChainID names the stack of its layers; "" when it has none.
	ChainID string
}

// Digest is the id of bytes: "sha256:" and 64 hexadecimal digits.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Parse reads a document and keeps its bytes.
func Parse(raw []byte) (*Image, error) {
	if len(raw) > MaxConfigSize {
		return nil, errdefs.InvalidArgument("an image document of %d bytes is too large", len(raw))
	}
	img := &Image{ID: Digest(raw), Raw: raw}
	if err := json.Unmarshal(raw, &img.Document); err != nil {
		return nil, errdefs.InvalidArgument("reading image document: %w", err)
	}
	for _, id := range img.RootFS.DiffIDs {
		if !ValidDigest(id) {
			return nil, errdefs.InvalidArgument("image document names the layer %q, which is no sha256 digest", id)
		}
	}
	img.ChainID = ChainID(img.RootFS.DiffIDs)
	return img, nil
}

// New makes the image of a document.
func New(doc Document) (*Image, error) {
	if doc.RootFS.Type == "" {
		doc.RootFS.Type = "layers"
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("writing image document: %w", err)
	}
	return Parse(raw)
}

// ValidDigest tells whether s is "sha256:" and 64 lower case hexadecimal digits.
func ValidDigest(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(digits) == 64 && IsHex(digits)
}

// IsHex tells whether s has only lower case hexadecimal digits.
func IsHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// ChainIDs gives the id of the stack up to each layer, base first: the first
// is the layer's own, every other one the digest of the stack below it and the
// layer.
func ChainIDs(diffIDs []string) []string {
	chains := make([]string, len(diffIDs))
	for i, id := range diffIDs {
		if i == 0 {
			chains[i] = id
			continue
		}
		chains[i] = Digest([]byte(chains[i-1] + " " + id))
	}
	return chains
}

// ChainID is the last of ChainIDs, "" without layers.
func ChainID(diffIDs []string) string {
	if len(diffIDs) == 0 {
		return ""
	}
	return ChainIDs(diffIDs)[len(diffIDs)-1]
}

// ShortID is what people see of an id: 12 digits without the algorithm.
func ShortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}

// Labels are those of the image's configuration.
func (img *Image) Labels() map[string]string {
	if img.Config == nil {
		return nil
	}
	return img.Config.Labels
}

// CreatedTime is when the image was made; zero when it does not say.
func (img *Image) CreatedTime() time.Time {
	if img.Created == nil {
		return time.Time{}
	}
	return *img.Created
}
