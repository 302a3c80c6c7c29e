// Package volumes owns the directories that outlive containers:
// <root>/<name>/_data, one per volume, and who uses them.
//
// What is on disk is the directory alone; the users (container ids) are kept in
// memory and told again by the daemon when it restores its containers. Start
// reading at Store. The package knows nothing of containers beyond their ids
// and must not import daemon, graph or engine.
package volumes

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/names"
)

const (
	dataDir = "_data"
	copyDir = "_copy" // content on its way to _data
)

// Store keeps the volumes below one directory.
type Store struct {
	root string

	mu    sync.Mutex // guards users and busy; never held across copying
	users map[string]map[string]struct{}
	busy  map[string]chan struct{} // volumes that are being filled or removed
}

// New opens the store below root, which is made when missing.
func New(root string) (*Store, error) {
	if err := os.MkdirAll(root, 0o701); err != nil {
		return nil, fmt.Errorf("making the volume directory: %w", err)
	}
	return &Store{root: root, users: map[string]map[string]struct{}{}, busy: map[string]chan struct{}{}}, nil
}

// NewName makes the name of an anonymous volume.
func NewName() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// CheckName tells whether name can be a volume's.
func CheckName(name string) error {
	if !names.Valid(name) || len(name) > 255 {
		return errdefs.InvalidArgument("invalid volume name %q: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, "+
			"at least two of them; a host directory must be given as an absolute path", name)
	}
	return nil
}

// Path is where the content of the volume is.
func (s *Store) Path(name string) string { return filepath.Join(s.root, name, dataDir) }

// Acquire notes that user uses the volume, which is made when it does not
// exist. It waits for a removal of the same volume that is under way.
func (s *Store) Acquire(name, user string) (path string, err error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	release := s.lock(name)
	defer release()
	path = s.Path(name)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o701); err != nil {
			return "", fmt.Errorf("making volume %s: %w", name, err)
		}
		if err := os.Mkdir(path, 0o755); err != nil {
			return "", fmt.Errorf("making volume %s: %w", name, err)
		}
	} else if err != nil {
		return "", fmt.Errorf("making volume %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[name] == nil {
		s.users[name] = map[string]struct{}{}
	}
	s.users[name][user] = struct{}{}
	return path, nil
}

// Release forgets that user uses the volume.
func (s *Store) Release(name, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users[name], user)
	if len(s.users[name]) == 0 {
		delete(s.users, name)
	}
}

// Users lists who uses the volume.
func (s *Store) Users(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := make([]string, 0, len(s.users[name]))
	for u := range s.users[name] {
		users = append(users, u)
	}
	slices.Sort(users)
	return users
}

// Remove deletes the volume and its content. One in use is a Conflict, one
// that does not exist is NotFound.
func (s *Store) Remove(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	release := s.lock(name)
	defer release()
	if users := s.Users(name); len(users) > 0 {
		return errdefs.Conflict("volume %s is in use by %v: remove these containers first", name, users)
	}
	dir := filepath.Join(s.root, name)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return errdefs.NotFound("no such volume: %s", name)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing volume %s: %w", name, err)
	}
	return nil
}

// List names all volumes, sorted.
func (s *Store) List() ([]string, error) {
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && CheckName(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Fill copies the tree at src (the image's content at the mount point) into the
// volume if that is empty, and gives it the owner and mode of src. The content
// appears at once or, after a crash, not at all.
func (s *Store) Fill(name, src string) error {
	release := s.lock(name)
	defer release()
	dst := s.Path(name)
	entries, err := os.ReadDir(dst)
	if err != nil {
		return fmt.Errorf("filling volume %s: %w", name, err)
	}
	if len(entries) > 0 {
		return nil
	}
	tmp := filepath.Join(s.root, name, copyDir)
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("filling volume %s: %w", name, err)
	}
	if err := copyTree(src, tmp); err != nil {
		os.RemoveAll(tmp)
		return fmt.Errorf("filling volume %s: %w", name, err)
	}
	if err := replaceEmptyDir(tmp, dst); err != nil {
		os.RemoveAll(tmp)
		return fmt.Errorf("filling volume %s: %w", name, err)
	}
	return nil
}

// lock makes the caller the only one that changes the volume on disk.
func (s *Store) lock(name string) (release func()) {
	for {
		s.mu.Lock()
		wait, taken := s.busy[name]
		if !taken {
			done := make(chan struct{})
			s.busy[name] = done
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.busy, name)
				s.mu.Unlock()
				close(done)
			}
		}
		s.mu.Unlock()
		<-wait
	}
}
