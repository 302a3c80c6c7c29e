//go:build linux

package graph

import (
	"encoding/json"
	"runtime"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// Media types of the OCI image specification (v1.1, "media types") and those of
// the Docker registry that mean the same.
const (
	mediaIndex          = "application/vnd.oci.image.index.v1+json"
	mediaManifest       = "application/vnd.oci.image.manifest.v1+json"
	mediaConfig         = "application/vnd.oci.image.config.v1+json"
	mediaLayer          = "application/vnd.oci.image.layer.v1.tar"
	mediaDockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
	mediaDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	mediaDockerConfig   = "application/vnd.docker.container.image.v1+json"
)

// Annotations of a descriptor in an OCI layout that tell the name of an image.
const (
	annotationName    = "io.containerd.image.name"          // full: docker.io/library/busybox:latest
	annotationRef     = "org.opencontainers.image.ref.name" // a tag, or a name
	annotationRefType = "vnd.docker.reference.type"         // of a manifest that describes another one
)

// ociDescriptor points at a blob.
type ociDescriptor struct {
	MediaType   string            `json:"mediaType,omitempty"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *platform         `json:"platform,omitempty"`
	URLs        []string          `json:"urls,omitempty"` // of a layer that registries do not keep
}

// ociIndex lists manifests: index.json, an index of platforms.
type ociIndex struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     string          `json:"mediaType,omitempty"`
	Manifests     []ociDescriptor `json:"manifests"`
}

// ociManifest is one image.
type ociManifest struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     string          `json:"mediaType,omitempty"`
	Config        ociDescriptor   `json:"config"`
	Layers        []ociDescriptor `json:"layers"`
}

func (d ociDescriptor) isIndex() bool {
	return d.MediaType == mediaIndex || d.MediaType == mediaDockerIndex
}

// isImage tells an image from what only describes one (attestations).
func (d ociDescriptor) isImage() bool {
	return d.Annotations[annotationRefType] == "" && (d.Platform == nil || d.Platform.OS != "unknown")
}

// platform is what an image runs on, as the OCI specification writes it.
type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	OSVersion    string `json:"os.version,omitempty"`
	Variant      string `json:"variant,omitempty"`
}

// String writes it as people do.
func (p platform) String() string {
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return text
}

func hostPlatform() platform { return platform{OS: runtime.GOOS, Architecture: runtime.GOARCH} }

// parsePlatform reads "os/architecture[/variant]" or the JSON object of the API.
func parsePlatform(text string) (platform, error) {
	var p platform
	if strings.HasPrefix(text, "{") {
		if err := json.Unmarshal([]byte(text), &p); err != nil || p.OS == "" || p.Architecture == "" {
			return p, errdefs.InvalidArgument("invalid platform %q: it needs the members os and architecture", text)
		}
		return p.normal(), nil
	}
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return p, errdefs.InvalidArgument("invalid platform %q: it has to be os/architecture or os/architecture/variant", text)
	}
	p.OS, p.Architecture = parts[0], parts[1]
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p.normal(), nil
}

// normal uses the names of the Go tools and drops the variant that is meant
// when there is none.
func (p platform) normal() platform {
	p.OS = strings.ToLower(p.OS)
	p.Architecture, p.Variant = strings.ToLower(p.Architecture), strings.ToLower(p.Variant)
	switch p.Architecture {
	case "x86_64", "x86-64":
		p.Architecture = "amd64"
	case "aarch64":
		p.Architecture = "arm64"
	case "i386":
		p.Architecture = "386"
	case "armhf":
		p.Architecture, p.Variant = "arm", "v7"
	case "armel":
		p.Architecture, p.Variant = "arm", "v6"
	}
	if p.Architecture == "amd64" && p.Variant == "v1" || p.Architecture == "arm64" && p.Variant == "v8" {
		p.Variant = ""
	}
	return p
}

// matches tells whether an image of platform have is what is asked for; a
// request without variant takes any.
func (p platform) matches(have platform) bool {
	p, have = p.normal(), have.normal()
	return p.OS == have.OS && p.Architecture == have.Architecture && (p.Variant == "" || p.Variant == have.Variant)
}

// decodePlatforms reads the values of an env key.
func decodePlatforms(texts []string) ([]platform, error) {
	var list []platform
	for _, text := range texts {
		if text == "" {
			continue
		}
		p, err := parsePlatform(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list, nil
}
