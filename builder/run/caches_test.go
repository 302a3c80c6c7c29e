package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// clock is a time that passes by a second each time somebody looks.
func clock() func() time.Time {
	var n atomic.Int64
	return func() time.Time { return time.Unix(1000+n.Add(1), 0) }
}

func open(t *testing.T, root string) *caches {
	t.Helper()
	c, err := openCaches(root, clock(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func spec(id, sharing string) cacheSpec {
	return newCacheSpec(&Mount{ID: id, Sharing: sharing, Target: "/cache"})
}

func take(t *testing.T, c *caches, want cacheSpec) *lease {
	t.Helper()
	l, err := c.acquire(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// busy tells that a cache cannot be had now.
func busy(t *testing.T, c *caches, want cacheSpec) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if l, err := c.acquire(ctx, want); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s was had: %v, %v", want.sharing, l, err)
	}
}

func TestSharing(t *testing.T) {
	c := open(t, t.TempDir())
	one, two := take(t, c, spec("a", Shared)), take(t, c, spec("a", ""))
	if one.path != two.path {
		t.Errorf("two users of one shared cache: %s, %s", one.path, two.path)
	}
	busy(t, c, spec("a", Locked))
	mine := take(t, c, spec("a", Private))
	if mine.path == one.path {
		t.Error("a private user got what others use")
	}
	other := take(t, c, spec("a", Private))
	if other.path == mine.path {
		t.Error("two private users got the same")
	}
	for _, l := range []*lease{one, two} {
		_ = l.release()
	}
	locked := take(t, c, spec("a", Locked))
	if locked.path != one.path {
		t.Errorf("the locked one is %s", locked.path)
	}
	busy(t, c, spec("a", Shared))
	busy(t, c, spec("a", Locked))
	_ = mine.release()
	if again := take(t, c, spec("a", Private)); again.path != mine.path {
		t.Errorf("a private one is not used again: %s", again.path)
	}
	free := make(chan *lease, 1)
	go func() {
		l, _ := c.acquire(context.Background(), spec("a", Shared))
		free <- l
	}()
	time.Sleep(5 * time.Millisecond)
	_ = locked.release()
	if l := <-free; l == nil || l.path != one.path {
		t.Error("the one who waited got something else")
	}
}

func TestKeys(t *testing.T) {
	base := Mount{ID: "a", Target: "/x"}
	key := func(f func(*Mount)) string {
		m := base
		f(&m)
		return newCacheSpec(&m).key
	}
	same := key(func(*Mount) {})
	if key(func(m *Mount) { m.Target = "/y" }) != same || key(func(m *Mount) { m.Sharing, m.ReadOnly = Locked, true }) != same {
		t.Error("the target or how it is shared is part of the key")
	}
	others := []string{
		same, key(func(m *Mount) { m.ID = "b" }), key(func(m *Mount) { m.UID = 1 }), key(func(m *Mount) { m.GID = 1 }), key(func(m *Mount) { m.Mode = 0o700 }),
		key(func(m *Mount) { m.From, m.FromID = "/f", "i" }), key(func(m *Mount) { m.From, m.FromID = "/f", "j" }),
		key(func(m *Mount) { m.From, m.FromID, m.Source = "/f", "j", "s" }),
	}
	slices.Sort(others)
	if n := len(slices.Compact(others)); n != 8 {
		t.Errorf("%d different keys", n)
	}
	if key(func(m *Mount) { m.ID = "" }) != key(func(m *Mount) { m.ID = "/x" }) {
		t.Error("without an id it is the target")
	}
}

func TestSeed(t *testing.T) {
	c := open(t, t.TempDir())
	from := t.TempDir()
	if err := os.WriteFile(filepath.Join(from, "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	seeded := func(source string) cacheSpec {
		return newCacheSpec(&Mount{ID: "a", Target: "/cache", From: from, FromID: "from", Source: source})
	}
	l := take(t, c, seeded(""))
	if text, err := os.ReadFile(filepath.Join(l.path, "file")); err != nil || string(text) != "x" {
		t.Errorf("%q %v", text, err)
	}
	for _, source := range []string{"none", "../../none"} {
		if _, err := c.acquire(t.Context(), seeded(source)); !errdefs.IsNotFound(err) {
			t.Errorf("%s: %v", source, err)
		}
	}
	if _, err := c.acquire(t.Context(), seeded("file")); errdefs.KindOf(err) != errdefs.KindInvalidArgument {
		t.Errorf("a file: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.acquire(gone, newCacheSpec(&Mount{ID: "b", From: from})); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if l, err := c.acquire(t.Context(), newCacheSpec(&Mount{ID: "b", From: from})); err != nil {
		t.Errorf("after one that failed: %v", err)
	} else {
		_ = l.release()
	}
	list, err := c.list(t.Context())
	if err != nil || len(list) != 2 {
		t.Errorf("caches that could not be made are listed: %+v %v", list, err)
	}
}

func TestReopen(t *testing.T) {
	root := t.TempDir()
	c := open(t, root)
	a, b := take(t, c, spec("a", Shared)), take(t, c, spec("b", Shared))
	if err := os.WriteFile(filepath.Join(a.path, "kept"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// What a killed daemon leaves.
	for _, name := range []string{b.cache.key + goneSuffix + "/0", b.cache.key + "/1" + makingSuffix, "stray"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(b.cache.dir, cacheFile), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	c = open(t, root)
	list, err := c.list(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	for _, k := range list {
		if k.InUse || k.ID != "a" && k.Description != "unknown" {
			t.Errorf("%+v", k)
		}
	}
	if _, err := os.Stat(filepath.Join(take(t, c, spec("a", Shared)).path, "kept")); err != nil {
		t.Error(err)
	}
	for _, pattern := range []string{"*" + goneSuffix, "*/*" + makingSuffix, "stray"} {
		if left, _ := filepath.Glob(filepath.Join(root, pattern)); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}

func fill(t *testing.T, c *caches, id string, kilobytes int) {
	t.Helper()
	l := take(t, c, spec(id, Shared))
	if err := os.WriteFile(filepath.Join(l.path, "data"), make([]byte, kilobytes<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = l.release()
}

func TestPrune(t *testing.T) {
	for name, test := range map[string]struct {
		f    Filter
		left string
	}{
		"everything":      {Filter{}, "used"},
		"until":           {Filter{Until: time.Unix(1000, 0)}, "used new middle old"},
		"key":             {Filter{Keys: []string{spec("old", "").key, "none"}}, "used new middle"},
		"match":           {Filter{Match: func(c Cache) bool { return c.ID == "middle" }}, "used new old"},
		"reserved":        {Filter{Reserved: 250 << 10}, "used new middle"},
		"most":            {Filter{MaxUsed: 150 << 10}, "used new"},
		"enough":          {Filter{MaxUsed: 10 << 20}, "used new middle old"},
		"free":            {Filter{MinFree: 1 << 60}, "used"},
		"free, in part":   {Filter{MinFree: 1 << 60, Reserved: 150 << 10}, "used new"},
		"free enough":     {Filter{MinFree: 1}, "used new middle old"},
		"both and enough": {Filter{MinFree: 1, MaxUsed: 150 << 10}, "used new"},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, filepath.Join(t.TempDir(), "caches"))
			for _, id := range []string{"old", "middle", "new"} {
				fill(t, c, id, 100)
			}
			used := take(t, c, spec("used", Shared))
			before, err := c.list(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			removed, bytes, err := c.prune(t.Context(), test.f)
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			list, err := c.list(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range list {
				left = append(left, k.ID)
			}
			if got := strings.Join(left, " "); got != test.left {
				t.Errorf("left %q, want %q", got, test.left)
			}
			if len(removed) != len(before)-len(list) || bytes < int64(len(removed))*100<<10 {
				t.Errorf("removed %v, %d bytes", removed, bytes)
			}
			_ = used.release()
		})
	}
}

// TestAllAtOnce: nobody has a locked or private cache together with others, and
// nothing that is in use is pruned.
func TestAllAtOnce(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "caches"))
	var mu sync.Mutex
	holders := map[string]string{} // by path: "exclusive", or the word shared
	count := map[string]int{}
	var all sync.WaitGroup
	for w := range 12 {
		sharing := []string{Shared, Locked, Private}[w%3]
		all.Go(func() {
			for range 40 {
				l, err := c.acquire(t.Context(), spec("a", sharing))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if count[l.path] > 0 && (sharing != Shared || holders[l.path] != Shared) {
					t.Errorf("%s together with %s", sharing, holders[l.path])
				}
				holders[l.path] = sharing
				count[l.path]++
				mu.Unlock()
				if _, err := os.Stat(l.path); err != nil {
					t.Error(err)
				}
				mu.Lock()
				count[l.path]--
				mu.Unlock()
				_ = l.release()
			}
		})
	}
	all.Go(func() {
		for range 40 {
			if _, _, err := c.prune(t.Context(), Filter{}); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
		}
	})
	all.Wait()
}
