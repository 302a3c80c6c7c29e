//go:build linux

package graph

import (
	"encoding/json"
	"path"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
)

// Limits of what an archive of images may hold besides layers. They bound the
// memory of a load.
const (
	maxLoadEntries   = 100_000
	maxLoadDocuments = 48 << 20 // bytes of all documents
	maxLoadImages    = 10_000
	maxLoadLinks     = 16 // followed for one name
	maxLoadLayers    = 128
	maxLoadName      = 1024 // bytes
)

// loadContents is what an archive of images holds, by the clean relative name
// of the entry.
type loadContents struct {
	documents map[string][]byte
	layers    map[string]*loadedLayer
	links     map[string]string // symbolic and hard links to the name they mean
	others    map[string]struct{}
	entries   int
	bytes     int // of documents
}

func newLoadContents() *loadContents {
	return &loadContents{
		documents: make(map[string][]byte), layers: make(map[string]*loadedLayer),
		links: make(map[string]string), others: make(map[string]struct{}),
	}
}

// loadName cleans the name of an entry. Names that lead out are refused.
func loadName(name string) (string, error) {
	if len(name) > maxLoadName {
		return "", errdefs.InvalidArgument("the archive of images has an entry with a name of %d bytes; the most are %d", len(name), maxLoadName)
	}
	clean := path.Clean(name)
	if strings.HasPrefix(clean, "/") || clean == ".." || strings.HasPrefix(clean, "../") || strings.IndexByte(name, 0) >= 0 {
		return "", errdefs.InvalidArgument("the archive of images has the entry %q, which leads out of it", name)
	}
	return clean, nil
}

// enter counts an entry that is no directory and refuses a second of one name.
func (c *loadContents) enter(name string) error {
	if c.entries++; c.entries > maxLoadEntries {
		return errdefs.InvalidArgument("the archive of images has more than %d entries", maxLoadEntries)
	}
	_, document := c.documents[name]
	_, link := c.links[name]
	_, other := c.others[name]
	if document || link || other || c.layers[name] != nil {
		return errdefs.InvalidArgument("the archive of images has the entry %q twice", name)
	}
	return nil
}

// keep enters a document.
func (c *loadContents) keep(name string, content []byte) error {
	if c.bytes += len(content); c.bytes > maxLoadDocuments {
		return errdefs.InvalidArgument("the archive of images has documents of more than %d MiB", maxLoadDocuments>>20)
	}
	c.documents[name] = content
	return nil
}

// link enters a link. The target of a symbolic link begins in its directory.
func (c *loadContents) link(name, target string, symbolic bool) error {
	if target == "" || strings.HasPrefix(target, "/") {
		return errdefs.InvalidArgument("the archive of images has the link %q to %q, which leads out of it", name, target)
	}
	if symbolic {
		target = path.Join(path.Dir(name), target)
	}
	target, err := loadName(target)
	if err != nil {
		return err
	}
	c.links[name] = target
	return nil
}

// resolve follows links.
func (c *loadContents) resolve(name string) (string, error) {
	clean, err := loadName(name)
	if err != nil {
		return "", err
	}
	for range maxLoadLinks {
		next, ok := c.links[clean]
		if !ok {
			return clean, nil
		}
		clean = next
	}
	return "", errdefs.InvalidArgument("%q in the archive of images is one of a chain or loop of more than %d links", name, maxLoadLinks)
}

// document returns a document that must be there.
func (c *loadContents) document(name string) ([]byte, error) {
	clean, err := c.resolve(name)
	if err != nil {
		return nil, err
	}
	if raw, ok := c.documents[clean]; ok {
		return raw, nil
	}
	if _, ok := c.others[clean]; ok || c.layers[clean] != nil {
		return nil, errdefs.InvalidArgument("%q in the archive of images is no JSON document of at most %d MiB", name, image.MaxConfigSize>>20)
	}
	return nil, errdefs.InvalidArgument("the archive of images has no %q", name)
}

// has tells whether there is an entry.
func (c *loadContents) has(name string) bool {
	_, document := c.documents[name]
	_, link := c.links[name]
	_, other := c.others[name]
	return document || link || other || c.layers[name] != nil
}

// layer returns the archive of a layer that must be there.
func (c *loadContents) layer(name string) (*loadedLayer, error) {
	clean, err := c.resolve(name)
	if err != nil {
		return nil, err
	}
	if l := c.layers[clean]; l != nil {
		return l, l.fault
	}
	_, document := c.documents[clean]
	if _, ok := c.others[clean]; ok || document {
		return nil, errdefs.InvalidArgument("%q in the archive of images is no archive of a layer", name)
	}
	return nil, errdefs.InvalidArgument("the archive of images has no layer %q", name)
}

// blob is the name of a blob in an OCI layout.
func (*loadContents) blob(digest string) (string, error) {
	if !image.ValidDigest(digest) {
		return "", errdefs.InvalidArgument("the OCI layout names the blob %q, which is no sha256 digest", digest)
	}
	return "blobs/sha256/" + hexOf(digest), nil
}

// blobDocument returns a document of an OCI layout, held against its descriptor.
func (c *loadContents) blobDocument(d ociDescriptor) ([]byte, error) {
	name, err := c.blob(d.Digest)
	if err != nil {
		return nil, err
	}
	raw, err := c.document(name)
	if err != nil {
		return nil, err
	}
	if got := image.Digest(raw); got != d.Digest {
		return nil, errdefs.InvalidArgument("the blob %s of the OCI layout has the digest %s", d.Digest, got)
	}
	if d.Size != int64(len(raw)) {
		return nil, errdefs.InvalidArgument("the blob %s of the OCI layout has %d bytes, not %d as its descriptor says", d.Digest, len(raw), d.Size)
	}
	return raw, nil
}

// decodeDocument reads JSON and says whose it is when it cannot be read.
func decodeDocument(name string, raw []byte, value any) error {
	if err := json.Unmarshal(raw, value); err != nil {
		return errdefs.InvalidArgument("reading %s of the archive of images: %w", name, err)
	}
	return nil
}
