package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
)

// A cache is the directory <key>: cache.json, and what its users see in 0, 1 and so
// on. There is more than one of these where private users met. A directory that is
// being made is called N.making, a cache that is being removed <key>.N.gone.
const (
	cacheFile    = "cache.json"
	makingSuffix = ".making"
	goneSuffix   = ".gone"
)

// caches are the caches of all builds.
type caches struct {
	root string
	now  func() time.Time
	logf func(format string, args ...any)

	mu       sync.Mutex // guards the rest; held for nothing but them
	byKey    map[string]*cache
	changed  chan struct{} // closed and replaced when somebody lets go of something
	removals int
}

// cache is one cache. All but key and dir are guarded by caches.mu.
type cache struct {
	key, dir  string
	info      cacheInfo
	instances []*instance
	removing  bool
	written   sync.Mutex // one writer of cache.json at a time
}

// cacheInfo is cache.json. It is not flushed: a cache that a power cut takes is made
// again.
type cacheInfo struct {
	Version     int
	ID          string
	Description string
	Created     time.Time
	LastUsed    time.Time
	Uses        int
}

// instance is one directory of a cache.
type instance struct {
	users     int
	exclusive bool // nobody else may use it now
	made      bool
}

// cacheSpec is what a mount wants.
type cacheSpec struct {
	key     string
	id      string
	sharing string
	target  string
	mount   Mount
}

// newCacheSpec names the cache of a mount. Mounts share one when they have the same
// id, begin with the same content, and want the same owner and mode.
func newCacheSpec(m *Mount) cacheSpec {
	s := cacheSpec{id: m.ID, sharing: m.Sharing, target: m.Target, mount: *m}
	if s.id == "" {
		s.id = m.Target
	}
	if s.sharing == "" {
		s.sharing = Shared
	}
	seed := ""
	if m.From != "" {
		seed = m.FromID + "\x00" + path.Clean("/"+m.Source)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d:%d\x00%o", s.id, seed, m.UID, m.GID, m.Mode.Perm()))
	s.key = hex.EncodeToString(sum[:16])
	return s
}

// lease is a directory of a cache in use. Give it back with release.
type lease struct {
	path     string
	caches   *caches
	cache    *cache
	instance *instance
}

// openCaches finds the caches of earlier processes and removes what they were about
// to make or to remove.
func openCaches(root string, now func() time.Time, logf func(string, ...any)) (*caches, error) {
	c := &caches{root: root, now: now, logf: logf, byKey: map[string]*cache{}, changed: make(chan struct{})}
	list, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the caches of builds: %w", err)
	}
	for _, entry := range list {
		dir := filepath.Join(root, entry.Name())
		if key, bad := hex.DecodeString(entry.Name()); bad != nil || len(key) != 16 || !entry.IsDir() {
			if err := os.RemoveAll(dir); err != nil {
				return nil, fmt.Errorf("removing half a cache: %w", err)
			}
			continue
		}
		if found := c.load(entry.Name(), dir); found != nil {
			c.byKey[found.key] = found
		}
	}
	return c, nil
}

// load reads one cache, nil when there is nothing in it.
func (c *caches) load(key, dir string) *cache {
	found := &cache{key: key, dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, cacheFile))
	if err == nil {
		err = json.Unmarshal(text, &found.info)
	}
	if err != nil { // of a power cut: what it holds is still good
		found.info = cacheInfo{Description: "unknown"}
		if info, err := os.Stat(dir); err == nil {
			found.info.Created, found.info.LastUsed = info.ModTime(), info.ModTime()
		}
	}
	list, err := os.ReadDir(dir)
	for _, entry := range list {
		if strings.HasSuffix(entry.Name(), makingSuffix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
			continue
		}
		n, nerr := strconv.Atoi(entry.Name())
		if nerr != nil || !entry.IsDir() || n < 0 || n > len(list) {
			continue
		}
		for len(found.instances) <= n {
			found.instances = append(found.instances, &instance{})
		}
		found.instances[n].made = true
	}
	if err != nil {
		c.logf("reading the cache %s of builds: %v", key, err)
	}
	if len(found.instances) == 0 {
		if err := os.RemoveAll(dir); err != nil {
			c.logf("removing an empty cache: %v", err)
		}
		return nil
	}
	return found
}

// acquire waits for a directory of a cache and makes it when there is none.
func (c *caches) acquire(ctx context.Context, want cacheSpec) (*lease, error) {
	for {
		l, wait := c.try(want)
		if l != nil {
			if err := c.settle(ctx, want, l); err != nil {
				return nil, fmt.Errorf("making the cache %q: %w", want.id, err)
			}
			return l, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try takes a directory, or tells what to wait for.
func (c *caches) try(want cacheSpec) (*lease, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.byKey[want.key]
	if found == nil {
		found = &cache{key: want.key, dir: filepath.Join(c.root, want.key)}
		found.info = cacheInfo{
			Version: 1, ID: want.id, Created: c.now().UTC(),
			Description: fmt.Sprintf("cached mount %s with id %q", want.target, want.id),
		}
		c.byKey[want.key] = found
	}
	if found.removing {
		return nil, c.changed
	}
	n := found.free(want.sharing)
	if n < 0 {
		return nil, c.changed
	}
	for len(found.instances) <= n {
		found.instances = append(found.instances, &instance{})
	}
	in := found.instances[n]
	in.users++
	in.exclusive = want.sharing != Shared || !in.made
	found.info.LastUsed = c.now().UTC()
	found.info.Uses++
	return &lease{path: filepath.Join(found.dir, strconv.Itoa(n)), caches: c, cache: found, instance: in}, nil
}

// free is the number of the directory to use, -1 when there is none now.
func (k *cache) free(sharing string) int {
	for n, in := range k.instances {
		switch {
		case in.users == 0, sharing == Shared && !in.exclusive:
			return n
		case sharing != Private:
			return -1 // the first is everybody's
		}
	}
	return len(k.instances)
}

// settle makes the directory of a new lease where there is none.
func (c *caches) settle(ctx context.Context, want cacheSpec, l *lease) error {
	c.mu.Lock()
	made := l.instance.made
	c.mu.Unlock()
	var err error
	if !made {
		err = build(ctx, want, l.path)
	}
	if err == nil {
		if werr := c.write(l.cache); werr != nil { // a full disk: what is in the cache is still good
			c.logf("describing the cache %q of builds: %v", want.id, werr)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		l.instance.users--
		l.instance.exclusive = false
		c.ring()
		return err
	}
	l.instance.made = true
	if !made && want.sharing == Shared {
		l.instance.exclusive = false
		c.ring()
	}
	return nil
}

// ring wakes those who wait. It is called with mu held.
func (c *caches) ring() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// build makes a directory with what it begins with; when it fails, none is left.
func build(ctx context.Context, want cacheSpec, to string) (err error) {
	half := to + makingSuffix
	if err := os.MkdirAll(filepath.Dir(half), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(half, 0o755); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(half))
		}
	}()
	m := &want.mount
	if m.From != "" {
		source, info, err := inside(m)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return errdefs.InvalidArgument("source %q is not a directory", m.Source)
		}
		if err := archive.Copy(ctx, source, half, os.Geteuid() != 0); err != nil {
			return err
		}
	}
	// Where the mount says nothing, the content it begins with has its own.
	mode := m.Mode.Perm()
	if mode != 0 || m.From == "" {
		if mode == 0 {
			mode = 0o755
		}
		if err := os.Chmod(half, mode); err != nil {
			return err
		}
	}
	if (m.UID != 0 || m.GID != 0) && os.Geteuid() == 0 {
		if err := os.Chown(half, m.UID, m.GID); err != nil {
			return err
		}
	}
	return os.Rename(half, to)
}

// write writes cache.json anew.
func (c *caches) write(k *cache) error {
	k.written.Lock()
	defer k.written.Unlock()
	c.mu.Lock()
	info := k.info
	c.mu.Unlock()
	text, err := json.Marshal(&info)
	if err != nil {
		return err
	}
	at := filepath.Join(k.dir, cacheFile)
	if err := os.WriteFile(at+makingSuffix, text, 0o600); err != nil {
		return err
	}
	return os.Rename(at+makingSuffix, at)
}

// release gives a directory back.
func (l *lease) release() error {
	c := l.caches
	c.mu.Lock()
	l.instance.users--
	if l.instance.users == 0 {
		l.instance.exclusive = false
	}
	l.cache.info.LastUsed = c.now().UTC()
	c.ring()
	c.mu.Unlock()
	return nil
}
