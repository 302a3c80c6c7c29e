//go:build linux

// Package graph owns the images of the daemon: their documents, layers and
// names, and the jobs that work on them. Its state is <root>/image/<driver>:
//
//	imagedb/content/sha256/<id>             the document, byte for byte
//	imagedb/metadata/sha256/<id>/parent     id of the image it was made from
//	imagedb/metadata/sha256/<id>/lastUpdated  when it was last named
//	layerdb/sha256/<chain>/                 a layer: diff, size, parent, cache-id
//	                                        (its id in the driver), tar-length,
//	                                        tar-split.json.gz
//	repositories.json                       names, and those promised
//	tmp/                                    work in progress; emptied by New
//
// Every file is written aside, flushed and renamed; a layer appears by one rename
// when it is whole, and a new image with all of its names by the rename of its
// document, before which the names are promised. Whatever exists is complete;
// what a crash left is found unreferenced and removed by New.
//
// Readers use an immutable snapshot and never wait. Changes take Store.change,
// then Store.mu; mu is never held across I/O. Layers come in without either, as
// flights that other callers share, and stay while anybody holds them. Start
// reading at Store, then snapshot.go, layers.go and bring.go. Package daemon does
// not import this one.
package graph

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/registry"
)

// Options of New. Root and Driver are needed.
type Options struct {
	Root       string             // the daemon's directory
	Driver     graphdriver.Driver // stays the caller's
	Registries *registry.Service  // where images are pulled from and pushed to; may be nil
	Engine     *engine.Engine     // for events and the question who uses an image; may be nil

	Version string // of the engine, for the documents it writes

	Now  func() time.Time                 // nil: time.Now
	Logf func(format string, args ...any) // nil: discard
}

// Store keeps images.
type Store struct {
	dir                string
	version            string
	driver             graphdriver.Driver
	eng                *engine.Engine
	registries         *registry.Service // nil: nothing is pulled or pushed
	downloads, uploads slots
	now                func() time.Time
	logf               func(format string, args ...any)

	current atomic.Pointer[snapshot]

	change sync.Mutex // one change of what is on disk at a time; never taken by readers

	mu         sync.Mutex
	layers     map[string]*layer  // guarded by mu: by chain id
	containers map[string]string  // guarded by mu: container layer → chain id
	flights    map[string]*flight // guarded by mu: by chain id, layers on their way in
	heldImages map[string]int     // guarded by mu: by id, calls that need it not to be pruned
}

// New opens the store and removes what an earlier process left half-made.
func New(opt Options) (*Store, error) {
	s := &Store{
		dir:     filepath.Join(opt.Root, "image", opt.Driver.Name()),
		version: opt.Version, driver: opt.Driver, eng: opt.Engine, registries: opt.Registries, downloads: newSlots(downloadsAtOnce), uploads: newSlots(uploadsAtOnce), now: opt.Now, logf: opt.Logf,
		layers: make(map[string]*layer), containers: make(map[string]string), flights: make(map[string]*flight),
		heldImages: make(map[string]int),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.logf == nil {
		s.logf = func(string, ...any) {}
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("opening image store %s: %w", s.dir, err)
	}
	return s, nil
}

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// load reads what is on disk, in the order in which it depends on each other.
func (s *Store) load() error {
	if err := os.RemoveAll(s.path("tmp")); err != nil {
		return err
	}
	for _, dir := range []string{"tmp", "imagedb/content/sha256", "imagedb/metadata/sha256", "layerdb/sha256"} {
		if err := os.MkdirAll(s.path(dir), 0o700); err != nil {
			return err
		}
	}
	if err := s.loadLayers(); err != nil {
		return err
	}
	images, err := s.loadImages()
	if err != nil {
		return err
	}
	refs, err := s.loadRefs(images)
	if err != nil {
		return err
	}
	s.publish(images, refs)
	if err := s.sweepKnown(images); err != nil {
		return err
	}
	return s.sweep()
}

// Close is the counterpart of New. The driver stays open.
func (*Store) Close() error { return nil }

// loadImages reads the documents. Those whose layers are missing are left
// where they are, but are no images.
func (s *Store) loadImages() (map[string]*image.Image, error) {
	images := make(map[string]*image.Image)
	entries, err := os.ReadDir(s.path("imagedb/content/sha256"))
	if err != nil {
		return nil, err
	}
	if err := s.sweepMetadata(); err != nil {
		return nil, err
	}
	for _, e := range entries {
		id := "sha256:" + e.Name()
		img, err := s.loadImage(id)
		if err != nil {
			s.logf("image %s cannot be used: %v", id, err)
			continue
		}
		images[id] = img
		if l := s.layers[img.ChainID]; l != nil {
			l.images++
		}
	}
	return images, nil
}

// sweepMetadata removes what is known of images that are not there: a crash left
// it before the document was written, or after it was removed.
func (s *Store) sweepMetadata() error {
	entries, err := os.ReadDir(s.path("imagedb/metadata/sha256"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := os.Lstat(s.path("imagedb/content/sha256", e.Name())); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.RemoveAll(s.path("imagedb/metadata/sha256", e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) loadImage(id string) (*image.Image, error) {
	if !image.ValidDigest(id) {
		return nil, errors.New("its file has a wrong name")
	}
	raw, err := os.ReadFile(s.contentPath(id))
	if err != nil {
		return nil, err
	}
	img, err := image.Parse(raw)
	if err != nil {
		return nil, err
	}
	if img.ID != id {
		return nil, fmt.Errorf("its document has the digest %s", img.ID)
	}
	if img.Size, err = s.chainSize(img.ChainID); err != nil {
		return nil, err
	}
	if parent, err := os.ReadFile(s.metaPath(id, "parent")); err == nil {
		img.Parent = string(parent)
	}
	if text, err := os.ReadFile(s.metaPath(id, "lastUpdated")); err == nil {
		img.TagTime, _ = time.Parse(time.RFC3339Nano, string(text)) // zero when unreadable
	}
	return img, nil
}

func hexOf(id string) string { return id[len("sha256:"):] }

func (s *Store) contentPath(id string) string {
	return s.path("imagedb/content/sha256", hexOf(id))
}

func (s *Store) metaPath(id string, elem ...string) string {
	return filepath.Join(append([]string{s.path("imagedb/metadata/sha256", hexOf(id))}, elem...)...)
}

// keepImage writes a document whose layers are kept already and makes it
// visible. An image that exists stays as it is. Callers hold change.
func (s *Store) keepImage(img *image.Image) (*image.Image, error) {
	now := s.current.Load()
	if old := now.images[img.ID]; old != nil {
		return old, nil
	}
	return s.addImage(img, now.refs)
}

// addImage is keepImage for one that is not there, with the names of all images
// from now on, which are on disk. Callers hold change.
func (s *Store) addImage(img *image.Image, refs map[string]string) (*image.Image, error) {
	now := s.current.Load()
	var err error
	if img.Size, err = s.chainSize(img.ChainID); err != nil {
		return nil, err
	}
	if err := s.writeImage(img); err != nil {
		s.forgetFiles(img.ID)
		return nil, fmt.Errorf("keeping image %s: %w", img.ID, err)
	}
	s.mu.Lock()
	if l := s.layers[img.ChainID]; l != nil {
		l.images++
	}
	s.mu.Unlock()
	images := now.copyImages()
	images[img.ID] = img
	s.publish(images, refs)
	return s.current.Load().images[img.ID], nil
}

// writeImage writes what is known of an image, its document last.
func (s *Store) writeImage(img *image.Image) error {
	if img.Parent != "" {
		if err := os.MkdirAll(s.metaPath(img.ID), 0o700); err != nil {
			return err
		}
		if err := s.write(s.metaPath(img.ID, "parent"), []byte(img.Parent)); err != nil {
			return err
		}
	}
	return s.write(s.contentPath(img.ID), img.Raw)
}

// forgetFiles removes what was written of an image that is not kept after all.
func (s *Store) forgetFiles(id string) {
	err := os.Remove(s.contentPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err := errors.Join(err, os.RemoveAll(s.metaPath(id))); err != nil {
		s.logf("removing what was written of image %s: %v", id, err)
	}
}

// keepNamed is keepImage with names. A new image appears with all of them at
// once, or not at all. Callers hold change.
func (s *Store) keepNamed(img *image.Image, names []reference.Ref) (*image.Image, error) {
	now := s.current.Load()
	if len(names) == 0 {
		return s.keepImage(img)
	}
	refs, promised := maps.Clone(now.refs), make(map[string]string, len(names))
	for _, name := range names {
		refs[name.String()], promised[name.String()] = img.ID, img.ID
	}
	if now.images[img.ID] != nil {
		if err := s.setNames(promised); err != nil {
			return nil, err
		}
		return s.current.Load().images[img.ID], nil
	}
	img.TagTime = s.now().UTC()
	return s.addNamed(img, promised, refs)
}

// addNamed adds an image with its names, which are among refs.
func (s *Store) addNamed(img *image.Image, promised, refs map[string]string) (*image.Image, error) {
	before := s.current.Load().refs
	err := s.writeTagTime(img.ID, img.TagTime)
	if err == nil {
		err = s.promise(before, promised)
	}
	if err == nil {
		var added *image.Image
		if added, err = s.addImage(img, refs); err == nil {
			return added, nil
		}
		if err := s.saveRefs(before); err != nil {
			s.logf("taking a promised name back: %v", err)
		}
	}
	s.forgetFiles(img.ID)
	return nil, fmt.Errorf("naming an image: %w", err)
}

// dropImage removes a document that has no names and no children, and the
// layers that nobody else needs, and tells how many bytes of layers that were.
// Callers hold change.
func (s *Store) dropImage(img *image.Image) (freed int64, err error) {
	now := s.current.Load()
	if err := os.Remove(s.contentPath(img.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("deleting image %s: %w", img.ID, err)
	}
	images := now.copyImages()
	delete(images, img.ID)
	s.publish(images, now.refs)
	if err := os.RemoveAll(s.metaPath(img.ID)); err != nil {
		s.logf("deleting what is known of image %s: %v", img.ID, err)
	}
	s.mu.Lock()
	if l := s.layers[img.ChainID]; l != nil {
		l.images--
	}
	s.mu.Unlock()
	return s.release(img.ChainID)
}

// event tells the journal what happened to an image: the attributes are the given
// ones and the labels of the image, as long as it is there.
func (s *Store) event(ctx context.Context, action, id string, attributes map[string]string) {
	if s.eng == nil {
		return
	}
	if img, err := s.Image(id); err == nil && id != "" && img.Config != nil && len(img.Config.Labels) > 0 {
		all := maps.Clone(img.Config.Labels)
		maps.Copy(all, attributes)
		attributes = all
	}
	job := s.eng.Job("log", action, id).SetContext(context.WithoutCancel(ctx))
	job.Setenv("type", "image")
	if err := job.SetenvJson("attributes", attributes); err != nil {
		s.logf("event %s of image %s: %v", action, id, err)
		return
	}
	if err := job.Run(); err != nil && !unknownJob(err) {
		s.logf("event %s of image %s: %v", action, id, err)
	}
}
