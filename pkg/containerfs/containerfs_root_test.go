package containerfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/pkg/testutil"
)

// tree makes a root with a file, directories and links.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"data/sub", "etc", "proc"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"data/f": "file", "etc/passwd": "root:x:0:0::/:/bin/sh\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"data/l": "f", "data/up": "../../../etc", "abs": "/data", "dangling": "/nowhere", "loop": "loop", "out": "/../../../../etc",
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFind(t *testing.T) {
	v, err := Running(tree(t))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for _, c := range []struct {
		path, name, where, link string
		mode                    fs.FileMode
		err                     error
	}{
		{path: "/data/f", name: "f", where: "/data/f", mode: 0},
		{path: "data/f", name: "f", where: "/data/f", mode: 0},
		{path: "/data", name: "data", where: "/data", mode: fs.ModeDir},
		{path: "/data/.", name: "data", where: "/data", mode: fs.ModeDir},
		{path: "/", name: "/", where: "/", mode: fs.ModeDir},
		{path: "/data/l", name: "l", where: "/data/l", link: "/data/f", mode: fs.ModeSymlink},
		{path: "/abs", name: "abs", where: "/abs", link: "/data", mode: fs.ModeSymlink},
		{path: "/abs/", name: "abs", where: "/data", mode: fs.ModeDir},
		{path: "/abs/f", name: "f", where: "/data/f", mode: 0},
		{path: "/data/up/passwd", name: "passwd", where: "/etc/passwd", mode: 0},
		{path: "/out/passwd", name: "passwd", where: "/etc/passwd", mode: 0},
		{path: "/../../etc/passwd", name: "passwd", where: "/etc/passwd", mode: 0},
		{path: "/dangling", name: "dangling", where: "/dangling", link: "/nowhere", mode: fs.ModeSymlink},
		{path: "/dangling/", err: fs.ErrNotExist},
		{path: "/nowhere", err: fs.ErrNotExist},
		{path: "/data/f/", err: unix.ENOTDIR},
		{path: "/loop/x", err: unix.ELOOP},
	} {
		o, err := v.Find(c.path)
		if c.err != nil || err != nil {
			if !errors.Is(err, c.err) || c.err == nil {
				t.Errorf("%s: %v, want %v", c.path, err, c.err)
			}
			continue
		}
		if o.Name != c.name || o.Path != c.where || o.Link != c.link || o.Mode.Type() != c.mode {
			t.Errorf("%s: %+v", c.path, o)
		}
		o.Close()
	}
}

func TestStopped(t *testing.T) {
	testutil.RequiresRoot(t)
	root, volume := tree(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(volume, "kept"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	bind := func(target, source string, more ...string) mount.Mount {
		return mount.Mount{Type: "bind", Source: source, Target: target, Options: append([]string{"rbind", "rprivate"}, more...)}
	}
	v, err := Stopped(root, []mount.Mount{
		bind("/new/deep/volume", volume), bind("/abs/sub", volume, "ro"), bind("/etc/one", filepath.Join(volume, "kept")),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/new/deep/volume/kept", "/data/sub/kept", "/etc/one"} {
		o, err := v.Find(name)
		if err != nil || o.Size != 1 {
			t.Errorf("%s: %+v, %v", name, o, err)
			continue
		}
		o.Close()
	}
	dir, at, err := v.Resolve("/abs/sub")
	if err != nil || at != "data/sub" {
		t.Fatalf("%q, %v", at, err)
	}
	if err := unix.Mkdirat(int(dir.Fd()), "x", 0o700); !errors.Is(err, unix.EROFS) {
		t.Errorf("writing to a read-only volume: %v", err)
	}
	dir.Close()
	if b, _ := os.ReadFile("/proc/self/mounts"); strings.Contains(string(b), root) {
		t.Error("the host sees the mounts")
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(filepath.Join(root, "data")); err != nil {
		t.Errorf("something is still mounted: %v", err)
	}
}

// TestFind_Race: a workload that swaps a directory for a link to the host's at
// any moment never makes us find the host's file.
func TestFind_Race(t *testing.T) {
	root := tree(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("the host's"), 0o600); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(root, "swap")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inside, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(filepath.Dir(secret), link); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, inside, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
			}
		}
	})
	v, err := Running(root)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	found, listed := 0, 0
	for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline); {
		o, err := v.Find("/swap/secret")
		if err != nil {
			continue
		}
		found++
		if o.Size != 0 {
			t.Error("found the host's file")
		}
		o.Close()
		o, err = v.Find("/swap")
		if err != nil {
			continue
		}
		if o.Mode.IsDir() {
			listed++
			if info, err := os.Stat(filepath.Join(o.Dir(), o.Base(), "secret")); err != nil || info.Size() != 0 {
				t.Errorf("a directory became another one after it was found: %v", err)
			}
		}
		o.Close()
	}
	close(stop)
	wg.Wait()
	if found == 0 || listed == 0 {
		t.Error("never found the container's own file: the race was not run")
	}
}

// TestRunning_Host: the root of the host is never taken for a container's.
func TestRunning_Host(t *testing.T) {
	if v, err := Running("/proc/self/root"); !errors.Is(err, fs.ErrNotExist) {
		v.Close()
		t.Errorf("got %v", err)
	}
}

func TestOpenFile(t *testing.T) {
	root := tree(t)
	if err := unix.Mkfifo(filepath.Join(root, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := Running(root)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	f, err := v.OpenFile("/out/passwd")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, name := range []string{"/fifo", "/data"} {
		if f, err := v.OpenFile(name); err == nil {
			f.Close()
			t.Errorf("%s was opened", name)
		}
	}
}
