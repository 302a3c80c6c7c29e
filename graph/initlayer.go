//go:build linux

package graph

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// Between an image and its containers lies one more layer with the mount
// points that every container needs, so that they are neither part of the
// image nor among what a container changed. All containers of an image share
// it; it is made with the first.

// initID is the driver's id of the init layer on the layer cacheID.
func initID(cacheID string) string {
	if cacheID == "" {
		return "scratch-init"
	}
	return cacheID + "-init"
}

// mountPoints of containers. Directories end in a slash.
var mountPoints = [...]string{
	"dev/", "dev/pts/", "dev/shm/", "proc/", "sys/", "etc/",
	".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf",
}

// initLayer makes sure of the init layer on l; nil stands for no layer at all.
func (s *Store) initLayer(l *layer) (string, error) {
	if l == nil {
		return s.scratchInit()
	}
	id := initID(l.cacheID)
	l.initMu.Lock()
	defer l.initMu.Unlock()
	if l.initReady {
		return id, nil
	}
	return id, s.makeInit(id, l.cacheID, &l.initReady)
}

// scratchInit is the init layer of images without layers. Two containers may
// make it at once; change is the lock for the rare.
func (s *Store) scratchInit() (string, error) {
	id := initID("")
	s.change.Lock()
	defer s.change.Unlock()
	var ready bool
	return id, s.makeInit(id, "", &ready)
}

// makeInit makes the layer id on parent. One that exists was complete when it
// became known, or is of a process that died and is made again.
func (s *Store) makeInit(id, parent string, ready *bool) error {
	if s.driver.Exists(id) {
		if s.initComplete(id) {
			*ready = true
			return nil
		}
		if err := s.driver.Remove(id); err != nil {
			return err
		}
	}
	content, err := s.initContent(parent)
	if err != nil {
		return fmt.Errorf("preparing the mount points of containers: %w", err)
	}
	if err := s.driver.Create(id, parent, false); err != nil {
		return err
	}
	if _, err := s.driver.ApplyDiff(context.Background(), id, bytes.NewReader(content)); err != nil {
		return errors.Join(err, s.driver.Remove(id))
	}
	*ready = true
	return nil
}

// initComplete looks for the last file that makeInit unpacks.
func (s *Store) initComplete(id string) bool {
	root, err := s.driver.Get(id)
	if err != nil {
		return false
	}
	_, err = os.Lstat(path.Join(root, initMark))
	return s.driver.Put(id) == nil && err == nil // it is put in any case: what is in use cannot be made again
}

// initMark is unpacked last. Programs look for it to know that they run in a
// container.
const initMark = ".dockerenv"

// initContent is the archive of what a layer lacks of the mount points.
func (s *Store) initContent(parent string) ([]byte, error) {
	dir := ""
	if parent != "" {
		root, err := s.driver.Get(parent)
		if err != nil {
			return nil, err
		}
		defer func() {
			if err := s.driver.Put(parent); err != nil {
				s.logf("unmounting layer %s: %v", parent, err)
			}
		}()
		dir = root
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	made := make(map[string]bool)
	for _, name := range mountPoints {
		if name == initMark {
			continue
		}
		if err := addMountPoint(w, dir, name, made); err != nil {
			return nil, err
		}
	}
	if made["etc"] {
		dir = "" // the image's own is a link, and hidden now
	}
	if _, err := lookAt(dir, "etc/mtab"); errors.Is(err, fs.ErrNotExist) {
		if err := w.WriteHeader(entry("etc/mtab", tar.TypeSymlink, "/proc/mounts")); err != nil {
			return nil, err
		}
	}
	if err := w.WriteHeader(entry(initMark, tar.TypeReg, "")); err != nil {
		return nil, err
	}
	return buf.Bytes(), w.Close()
}

// addMountPoint adds what is missing or in the way of name. A link on the way
// is replaced: a mount through it could end anywhere.
func addMountPoint(w *tar.Writer, dir, name string, made map[string]bool) error {
	wantDir := strings.HasSuffix(name, "/")
	name = strings.TrimSuffix(name, "/")
	for i := range name {
		if name[i] != '/' {
			continue
		}
		if err := addOne(w, dir, name[:i], true, made); err != nil {
			return err
		}
	}
	return addOne(w, dir, name, wantDir, made)
}

func addOne(w *tar.Writer, dir, name string, wantDir bool, made map[string]bool) error {
	if made[name] {
		return nil
	}
	mode, err := lookAt(dir, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !made[path.Dir(name)] {
		return err
	}
	if err == nil && !made[path.Dir(name)] && (wantDir && mode.IsDir() || !wantDir && mode.IsRegular()) {
		return nil
	}
	made[name] = true
	kind := byte(tar.TypeReg)
	if wantDir {
		kind = tar.TypeDir
	}
	return w.WriteHeader(entry(name, kind, ""))
}

// lookAt asks what name is; every directory on the way is a real one, or the
// callers made it so.
func lookAt(dir, name string) (fs.FileMode, error) {
	if dir == "" {
		return 0, fs.ErrNotExist
	}
	info, err := os.Lstat(path.Join(dir, name))
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}

func entry(name string, kind byte, target string) *tar.Header {
	return &tar.Header{Name: name, Typeflag: kind, Linkname: target, Mode: 0o755, ModTime: time.Unix(0, 0)}
}
