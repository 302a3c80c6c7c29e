package integration

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// hungFS is a file system with an empty root directory, whose server answers
// questions about the root, until it hangs, and nothing else. Who looks a file
// up waits in the kernel, where not even KILL reaches. The messages are those of
// linux/fuse.h.
type hungFS struct {
	t    *testing.T
	dir  string
	hang atomic.Bool
	dev  int
	once sync.Once
}

const (
	fuseGetattr = 3
	fuseInit    = 26
	fuseOpendir = 27
)

func mountHung(t *testing.T) *hungFS {
	t.Helper()
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no FUSE here: %v", err)
	}
	fs := &hungFS{t: t, dir: filepath.Join(t.TempDir(), "hung"), dev: dev}
	if err := os.Mkdir(fs.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("hung", fs.dir, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", dev)); err != nil {
		t.Skipf("FUSE cannot be mounted here: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fs.serve()
	}()
	t.Cleanup(func() {
		fs.free()
		if err := unix.Unmount(fs.dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		<-ended
		_ = unix.Close(dev) // nothing was written to it
	})
	return fs
}

// free aborts the connection: everybody who waits gets an error.
func (fs *hungFS) free() {
	fs.once.Do(func() {
		if err := abortFUSE(fs.dir); err != nil {
			fs.t.Error(err)
		}
	})
}

// abortFUSE finds the connection by the device number of the mount. What switches
// connections off is mounted where nobody else looks, for so long.
func abortFUSE(dir string) (err error) {
	control := dir + "-control"
	if err := errors.Join(os.Mkdir(control, 0o700), unix.Mount("fusectl", control, "fusectl", 0, "")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Unmount(control, unix.MNT_DETACH), os.Remove(control)) }()
	text, _ := os.ReadFile("/proc/self/mountinfo")
	var id, parent, major, minor int
	for _, line := range strings.Split(string(text), "\n") {
		var root, at string
		if n, _ := fmt.Sscanf(line, "%d %d %d:%d %s %s", &id, &parent, &major, &minor, &root, &at); n == 6 && at == dir {
			err = errors.Join(err, os.WriteFile(filepath.Join(control, strconv.Itoa(minor), "abort"), []byte("1"), 0))
		}
	}
	return err
}

// serve answers until the connection is gone.
func (fs *hungFS) serve() {
	buf := make([]byte, 1<<17)
	for {
		n, err := unix.Read(fs.dev, buf)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil || n < 40 {
			return
		}
		op, unique, node := binary.LittleEndian.Uint32(buf[4:]), binary.LittleEndian.Uint64(buf[8:]), binary.LittleEndian.Uint64(buf[16:])
		if fs.hang.Load() && op != fuseInit {
			continue
		}
		var body []byte
		switch {
		case op == fuseInit:
			body = make([]byte, 64)
			binary.LittleEndian.PutUint32(body, 7)
			binary.LittleEndian.PutUint32(body[4:], 31)
			binary.LittleEndian.PutUint32(body[20:], 1<<16) // max_write
		case op == fuseGetattr && node == 1:
			body = make([]byte, 16+88)
			attr := body[16:]
			binary.LittleEndian.PutUint64(attr, 1)             // ino
			binary.LittleEndian.PutUint32(attr[60:], 0o40_755) // mode
			binary.LittleEndian.PutUint32(attr[64:], 2)        // nlink
		case op == fuseOpendir:
			body = make([]byte, 16)
		default:
			continue // for ever
		}
		head := make([]byte, 16, 16+len(body))
		binary.LittleEndian.PutUint32(head, uint32(16+len(body)))
		binary.LittleEndian.PutUint64(head[8:], unique)
		_, _ = unix.Write(fs.dev, append(head, body...)) // who asked may be gone
	}
}

// stickFUSE has a workload look for a file where nobody answers.
func stickFUSE(t *testing.T, d *daemonproc.Daemon) func() {
	fs := mountHung(t)
	_, pid := runStuck(t, d, "-v", fs.dir+":/hung", "busybox", "cat", "/hung/file")
	if !daemonproc.Poll(5*time.Second, func() bool { return process(pid)[0] == 'D' || process(pid)[0] == 'S' }) {
		t.Fatalf("the workload is not stuck: %s", process(pid))
	}
	return fs.free
}
