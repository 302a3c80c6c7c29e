//go:build linux

package graph

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/registry"
)

// Media types of layers, of Docker's schema 2 and of the OCI specification.
const (
	mediaDockerLayer        = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	mediaDockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
)

// maxManifestLayers is more layers than any driver can stack.
const maxManifestLayers = 1024

// parseManifest reads a manifest of schema 2 or of the OCI specification.
func parseManifest(m registry.Manifest) (ociManifest, error) {
	var man ociManifest
	if err := json.Unmarshal(m.Raw, &man); err != nil {
		return man, errdefs.InvalidArgument("reading the manifest: %w", err)
	}
	if man.SchemaVersion != 2 {
		return man, errdefs.InvalidArgument("the manifest has the schema version %d instead of 2", man.SchemaVersion)
	}
	if len(man.Layers) > maxManifestLayers {
		return man, errdefs.InvalidArgument("the manifest names %d layers", len(man.Layers))
	}
	switch man.Config.MediaType {
	case mediaConfig, mediaDockerConfig, "application/octet-stream", "":
	default:
		return man, errdefs.InvalidArgument("it is no image: its configuration is %q", man.Config.MediaType)
	}
	for _, d := range append([]ociDescriptor{man.Config}, man.Layers...) {
		if !image.ValidDigest(d.Digest) {
			return man, errdefs.InvalidArgument("the manifest names %q, which is no sha256 digest", d.Digest)
		}
		if d.Size < 0 {
			return man, errdefs.InvalidArgument("the manifest says that blob %s has %d bytes", d.Digest, d.Size)
		}
	}
	return man, nil
}

// choosePlatform picks the image of a platform from a list; nil is the host's.
func choosePlatform(m registry.Manifest, want *platform) (ociDescriptor, error) {
	var index ociIndex
	if err := json.Unmarshal(m.Raw, &index); err != nil {
		return ociDescriptor{}, errdefs.InvalidArgument("reading the list of platforms: %w", err)
	}
	p := hostPlatform()
	if want != nil {
		p = *want
	}
	var have []platform
	var fits []ociDescriptor
	for _, d := range index.Manifests {
		if !d.isImage() || !image.ValidDigest(d.Digest) {
			continue
		}
		if d.Platform == nil {
			fits = append(fits, d) // it may be: its document will tell
			continue
		}
		have = append(have, *d.Platform)
		if p.matches(*d.Platform) {
			return d, nil
		}
	}
	if len(fits) > 0 {
		return fits[0], nil
	}
	slices.SortFunc(have, func(a, b platform) int { return strings.Compare(a.String(), b.String()) })
	return ociDescriptor{}, errdefs.NotFound("no matching manifest for %s in the manifest list entries; there are %s", p, joined(slices.Compact(have)))
}

// readConfig reads the bounded document of an image, to its verified end.
func readConfig(body io.ReadCloser, name string) ([]byte, error) {
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, image.MaxConfigSize+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > image.MaxConfigSize {
		return nil, errdefs.InvalidArgument("the image document of %s is larger than %d bytes", name, image.MaxConfigSize)
	}
	return raw, nil
}
