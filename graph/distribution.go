//go:build linux

package graph

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/registry"
)

// What was learned from registries is kept in distribution/, so that what is
// there already is neither fetched, packed nor sent again:
//
//	blobs/sha256/<diff id>      where a layer is as a blob: a JSON list of knownBlob
//	manifests/sha256/<image>    manifests of an image: a JSON list of knownManifest
//
// All of it can be lost without harm: it is believed only as far as a registry
// confirms it. What is known of layers and images that have gone stays until New,
// since they may come back.

// knownBlob is a layer as some repository has it.
type knownBlob struct {
	Digest     string
	Size       int64 // bytes
	MediaType  string
	Repository string // in full: docker.io/library/busybox
}

// knownManifest is the manifest of an image as some repository has it.
type knownManifest struct {
	Repository string
	MediaType  string
	Digest     string
	Raw        []byte
}

// maxKnown bounds the lists: old entries go.
const maxKnown = 32

func (s *Store) blobsPath(diffID string) string {
	return s.path("distribution/blobs/sha256", hexOf(diffID))
}

func (s *Store) manifestsPath(id string) string {
	return s.path("distribution/manifests/sha256", hexOf(id))
}

// remember keeps what a pull or a push has shown of an image. It is not said
// when that fails: the next transfer takes longer, that is all.
func (s *Store) remember(id string, ref reference.Ref, m registry.Manifest, man ociManifest, diffIDs []string) {
	repo := ref.Name()
	for i, d := range man.Layers {
		if i < len(diffIDs) && len(d.URLs) == 0 {
			s.rememberBlob(diffIDs[i], knownBlob{Digest: d.Digest, Size: d.Size, MediaType: d.MediaType, Repository: repo})
		}
	}
	entry := knownManifest{Repository: repo, MediaType: m.MediaType, Digest: m.Digest, Raw: m.Raw}
	list := s.knownManifests(id)
	if slices.ContainsFunc(list, func(k knownManifest) bool { return k.Repository == repo && k.Digest == m.Digest }) {
		return
	}
	list = slices.DeleteFunc(list, func(k knownManifest) bool { return k.Repository == repo })
	s.keepKnown(s.manifestsPath(id), append([]knownManifest{entry}, list[:min(len(list), maxKnown-1)]...))
}

func (s *Store) rememberBlob(diffID string, b knownBlob) {
	list := s.knownBlobs(diffID)
	if slices.Contains(list, b) {
		return
	}
	list = slices.DeleteFunc(list, func(k knownBlob) bool { return k.Repository == b.Repository })
	s.keepKnown(s.blobsPath(diffID), append([]knownBlob{b}, list[:min(len(list), maxKnown-1)]...))
}

// keepKnown writes a list as a whole, without waiting for the disk.
func (s *Store) keepKnown(path string, list any) {
	raw, err := json.Marshal(list)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		aside := s.path("tmp", "known-"+randomID()[:16])
		if err = os.WriteFile(aside, raw, 0o600); err == nil {
			err = os.Rename(aside, path)
		}
	}
	if err != nil {
		s.logf("keeping what was learned from a registry: %v", err)
	}
}

// knownBlobs lists where a layer is, the last seen first.
func (s *Store) knownBlobs(diffID string) (list []knownBlob) {
	readKnown(s, s.blobsPath(diffID), &list)
	return slices.DeleteFunc(list, func(b knownBlob) bool { return !image.ValidDigest(b.Digest) || b.Size < 0 })
}

// knownManifests lists the manifests of an image.
func (s *Store) knownManifests(id string) (list []knownManifest) {
	readKnown(s, s.manifestsPath(id), &list)
	return slices.DeleteFunc(list, func(m knownManifest) bool {
		return m.MediaType != registry.TypeSchema2 && m.MediaType != registry.TypeOCIManifest || image.Digest(m.Raw) != m.Digest
	})
}

func readKnown[T any](s *Store, path string, list *[]T) {
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, list)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		*list = nil
		s.logf("what was learned from a registry cannot be read and is forgotten: %v", err)
	}
}

// sweepKnown forgets what is known of layers and images that are not there.
func (s *Store) sweepKnown(images map[string]*image.Image) error {
	diffIDs := make(map[string]bool, len(s.layers))
	for _, img := range images {
		for _, id := range img.RootFS.DiffIDs {
			diffIDs[id] = true
		}
	}
	err := s.sweepList("distribution/blobs/sha256", func(id string) bool { return diffIDs[id] })
	return errors.Join(err, s.sweepList("distribution/manifests/sha256", func(id string) bool { return images[id] != nil }))
}

// sweepList removes the lists of a directory that are of nothing here.
func (s *Store) sweepList(dir string, here func(id string) bool) error {
	entries, err := os.ReadDir(s.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if !here("sha256:" + e.Name()) {
			err = errors.Join(err, os.RemoveAll(s.path(dir, e.Name())))
		}
	}
	return err
}
