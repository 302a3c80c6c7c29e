package builder_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/testutil"
	"github.com/enginejobs/docker/server"
	"github.com/enginejobs/docker/server/daemontest"
)

// TestRunFillsTheDisk: the command fails, the build says which, what it wrote is
// gone, and the next build works, with the cache of before.
func TestRunFillsTheDisk(t *testing.T) {
	testutil.RequiresRoot(t)
	if _, err := os.Stat("/bin/busybox"); err != nil {
		t.Skip("there is no /bin/busybox (apt-get install busybox-static)")
	}
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) }) // after the daemon's
	d := daemontest.New(t, daemontest.Native(), daemontest.Configure(func(c *server.Config) { c.Root = filepath.Join(disk, "root") }))
	d.ImportFiles(t, "box", map[string]string{"bin/sh": "/bin/busybox", "bin/busybox": "/bin/busybox"})
	k := &kit{Daemon: d, t: t, files: map[string]string{}, env: nothing}
	k.must("RUN echo before >/before")
	free := func() uint64 {
		var fs unix.Statfs_t
		if err := unix.Statfs(disk, &fs); err != nil {
			t.Fatal(err)
		}
		return fs.Bavail * uint64(fs.Bsize)
	}
	before := free()
	for range 2 {
		out, err := k.build(context.Background(), "RUN echo before >/before", "RUN cat /dev/zero >/fill")
		if err == nil || !strings.Contains(err.Error(), "returned a non-zero code: 1") {
			t.Errorf("%v\n%s", err, out)
		}
		if !strings.Contains(out, "No space left on device") {
			t.Errorf("nobody was told why: %s", out)
		}
		for deadline := time.Now().Add(3 * time.Second); free()+1<<20 < before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d bytes are free, %d were before", free(), before)
			}
		}
		if out := k.must("RUN echo before >/before"); !strings.Contains(out, "Using cache") {
			t.Errorf("the cache is lost: %s", out)
		}
	}
	// A command that ends well and leaves no room for its layer.
	out, err := k.build(context.Background(), "RUN echo before >/before", "RUN head -c 40000000 /dev/urandom >/fill")
	if err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("%v\n%s", err, out)
	}
	k.must("RUN echo before >/before", "RUN echo after >/after")
	k.nothingLeft()
}
