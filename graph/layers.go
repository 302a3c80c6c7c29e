//go:build linux

package graph

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/image"
)

// lengthFile has the length of a layer's archive in bytes.
const lengthFile = "tar-length"

// layer is one layer of images. The upper fields never change, the counts are
// guarded by Store.mu. It goes when all counts are zero.
type layer struct {
	chainID, parent string // parent is a chain id, "" for a base
	diffID          string
	cacheID         string // in the driver
	size            int64  // of its files
	length          int64  // of its archive; 0 when that was not written down

	images     int // that have it on top
	children   int // layers right on it
	containers int // layers of containers on it
	holds      int // calls that need it to stay

	initMu    sync.Mutex // held while the init layer is made
	initReady bool       // guarded by initMu
}

func (l *layer) used() bool { return l.images+l.children+l.containers+l.holds > 0 }

func (s *Store) layerDir(chainID string) string { return s.path("layerdb/sha256", hexOf(chainID)) }

// loadLayers reads the layers that are complete, here and in the driver.
func (s *Store) loadLayers() error {
	entries, err := os.ReadDir(s.path("layerdb/sha256"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		l, err := s.loadLayer("sha256:" + e.Name())
		if err != nil {
			s.logf("layer %s cannot be used: %v", e.Name(), err)
			continue
		}
		s.layers[l.chainID] = l
	}
	// One whose ancestry is broken is no layer; neither are those on it.
	for again := true; again; {
		again = false
		for id, l := range s.layers {
			if l.parent != "" && s.layers[l.parent] == nil {
				s.logf("layer %s cannot be used: its parent %s is missing", id, l.parent)
				delete(s.layers, id)
				again = true
			}
		}
	}
	for _, l := range s.layers {
		if up := s.layers[l.parent]; up != nil {
			up.children++
		}
	}
	s.loadContainers()
	return nil
}

func (s *Store) loadLayer(chainID string) (*layer, error) {
	if !image.ValidDigest(chainID) {
		return nil, errors.New("its directory has a wrong name")
	}
	read := func(name string) (string, error) {
		b, err := os.ReadFile(filepath.Join(s.layerDir(chainID), name))
		return strings.TrimSpace(string(b)), err
	}
	l := &layer{chainID: chainID}
	var err error
	if l.diffID, err = read("diff"); err != nil {
		return nil, err
	}
	if l.cacheID, err = read("cache-id"); err != nil {
		return nil, err
	}
	if l.parent, err = read("parent"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	text, err := read("size")
	if err != nil {
		return nil, err
	}
	if l.size, err = strconv.ParseInt(text, 10, 64); err != nil {
		return nil, err
	}
	if text, err := read(lengthFile); err == nil {
		l.length, _ = strconv.ParseInt(text, 10, 64) // counted anew when unreadable
	}
	if !s.driver.Exists(l.cacheID) {
		return nil, fmt.Errorf("driver %s does not have it (%s)", s.driver.Name(), l.cacheID)
	}
	return l, nil
}

// chainSize adds up the layers of a chain.
func (s *Store) chainSize(chainID string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var size int64
	for chainID != "" {
		l := s.layers[chainID]
		if l == nil {
			return 0, errdefs.NotFound("no such layer: %s", chainID)
		}
		size += l.size
		chainID = l.parent
	}
	return size, nil
}

// layerSizes lists the sizes of the layers of an image, base first.
func (s *Store) layerSizes(img *image.Image) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sizes []int64
	for _, chain := range image.ChainIDs(img.RootFS.DiffIDs) {
		if l := s.layers[chain]; l != nil {
			sizes = append(sizes, l.size)
		}
	}
	return sizes
}

// keepLayer makes an unpacked, described and flushed layer a kept one by one
// rename, and holds it. Callers hold change and its flight, so that there is no
// other one of its name, and flush the directory of layers.
func (s *Store) keepLayer(p *pendingLayer) (*layer, error) {
	chainID := chainOn(p.parent, p.diffID)
	err := os.Rename(p.dir, s.layerDir(chainID))
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENOTEMPTY) {
		// Something unusable is in the way; load said so.
		if err = s.discard(s.layerDir(chainID)); err == nil {
			err = os.Rename(p.dir, s.layerDir(chainID))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keeping layer: %w", err)
	}
	p.kept = true
	l := &layer{chainID: chainID, parent: p.parent, diffID: p.diffID, cacheID: p.cacheID, size: p.size, length: p.length, holds: 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layers[chainID] = l
	if up := s.layers[p.parent]; up != nil {
		up.children++
	}
	return l, nil
}

// discard moves a directory out of sight before it is removed.
func (s *Store) discard(dir string) error {
	aside := s.path("tmp", "gone-"+randomID()[:16])
	if err := os.Rename(dir, aside); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return os.RemoveAll(aside)
}

// release removes a chain's layers from the top down as long as nobody uses
// them, and tells how many bytes of files they had. Callers hold change.
func (s *Store) release(chainID string) (freed int64, err error) {
	for chainID != "" {
		s.mu.Lock()
		l := s.layers[chainID]
		if l == nil || l.used() {
			s.mu.Unlock()
			return freed, nil
		}
		delete(s.layers, chainID)
		if up := s.layers[l.parent]; up != nil {
			up.children--
		}
		s.mu.Unlock()
		if err := s.discard(s.layerDir(chainID)); err != nil {
			return freed, fmt.Errorf("deleting layer %s: %w", chainID, err)
		}
		for _, id := range []string{initID(l.cacheID), l.cacheID} {
			if err := s.driver.Remove(id); err != nil {
				return freed, fmt.Errorf("deleting layer %s: %w", chainID, err)
			}
		}
		freed += l.size
		chainID = l.parent
	}
	return freed, nil
}

// sweep removes what a crash left unreferenced: layers that only the driver
// knows, which may lie on others, and layers without image and container.
func (s *Store) sweep() error {
	ours := map[string]bool{initID(""): true}
	var idle []string
	for id, l := range s.layers {
		ours[l.cacheID], ours[initID(l.cacheID)] = true, true
		if !l.used() {
			idle = append(idle, id)
		}
	}
	if err := s.sweepDriver(ours); err != nil {
		return err
	}
	for _, id := range idle {
		if _, err := s.release(id); err != nil {
			return err
		}
	}
	return nil
}

// sweepDriver removes the driver's image layers that are not ours, children
// first. Those under a container's layer stay with it.
func (s *Store) sweepDriver(ours map[string]bool) error {
	for {
		list := s.driver.List()
		parents := make(map[string]bool, len(list))
		for _, l := range list {
			parents[l.Parent] = true
		}
		removed := 0
		for _, l := range list {
			if l.ReadWrite || ours[l.ID] || parents[l.ID] {
				continue
			}
			s.logf("removing layer %s, which no image needs", l.ID)
			if err := s.driver.Remove(l.ID); err != nil {
				return err
			}
			removed++
		}
		if removed == 0 {
			return nil
		}
	}
}

// parentsOf maps the driver's layers to their parents.
func parentsOf(list []graphdriver.Layer) map[string]string {
	parents := make(map[string]string, len(list))
	for _, l := range list {
		parents[l.ID] = l.Parent
	}
	return parents
}
