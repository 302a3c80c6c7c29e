// Package volumes owns the directories that outlive containers:
// <root>/<name>/_data, one per volume, and who uses them.
//
// On disk are the directory and, beside it, volume.json with what the volume was
// made with; the users (container ids) are kept in memory and told again by the
// daemon when it restores its containers. Start reading at Store, then volume.go
// (what a volume is) and mounts_linux.go (those whose content is a file system
// of its own). The package knows nothing of containers beyond their ids and must
// not import daemon, graph or engine.
package volumes

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

	mu     sync.Mutex // guards the rest; never held across I/O
	known  map[string]*Volume
	users  map[string]map[string]struct{}
	mounts map[string]*mounted
	busy   map[string]chan struct{} // volumes that are being filled, changed or removed
}

// New opens the store below root, which is made when missing.
func New(root string) (*Store, error) {
	if err := os.MkdirAll(root, 0o701); err != nil {
		return nil, fmt.Errorf("making the volume directory: %w", err)
	}
	s := &Store{
		root: root, known: map[string]*Volume{}, users: map[string]map[string]struct{}{},
		mounts: map[string]*mounted{}, busy: map[string]chan struct{}{},
	}
	return s, s.load()
}

// NewName makes the name of an anonymous volume.
func NewName() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// CheckName tells whether name can be a volume's.
func CheckName(name string) error {
	if len(name) == 1 {
		return errdefs.InvalidArgument("volume name is too short, names should be at least two alphanumeric characters")
	}
	if !names.Valid(name) || len(name) > 255 {
		return errdefs.InvalidArgument("%q includes invalid characters for a local volume name, only %q are allowed. "+
			"If you intended to pass a host directory, use absolute path", name, "[a-zA-Z0-9][a-zA-Z0-9_.-]")
	}
	return nil
}

// Path is where the content of the volume is.
func (s *Store) Path(name string) string { return filepath.Join(s.root, name, dataDir) }

// Acquire notes that user uses the volume, which is made as spec says when it
// does not exist; made tells whether it was. It waits for a removal of the same
// volume that is under way.
func (s *Store) Acquire(name, user string, spec Spec) (path string, made bool, err error) {
	release := s.lock(name)
	defer release()
	if _, made, err = s.ensure(name, spec); err != nil {
		return "", false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[name] == nil {
		s.users[name] = map[string]struct{}{}
	}
	s.users[name][user] = struct{}{}
	return s.Path(name), made, nil
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
		return NoSuchVolume(name) // no volume can have that name
	}
	release := s.lock(name)
	defer release()
	s.mu.Lock()
	v := s.known[name]
	s.mu.Unlock()
	if v == nil {
		return NoSuchVolume(name)
	}
	if users := s.Users(name); len(users) > 0 {
		return errdefs.Conflict("remove %s: volume is in use - [%s]", name, strings.Join(users, ", "))
	}
	if err := s.detach(name); err != nil {
		return fmt.Errorf("removing volume %s: %w", name, err)
	}
	// The description goes first: half a volume is one that is not there.
	if err := os.Remove(s.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing volume %s: %w", name, err)
	}
	if err := os.RemoveAll(filepath.Join(s.root, name)); err != nil {
		return fmt.Errorf("removing volume %s: %w", name, err)
	}
	s.mu.Lock()
	delete(s.known, name)
	s.mu.Unlock()
	return nil
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
	release, _ = s.lockUntil(context.Background(), name)
	return release
}

// lockUntil is lock for a caller that does not wait for ever.
func (s *Store) lockUntil(ctx context.Context, name string) (release func(), err error) {
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
			}, nil
		}
		s.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, errdefs.Unavailable("volume %s is busy: %w", name, ctx.Err())
		}
	}
}
