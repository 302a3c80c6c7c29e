package native

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/pkg/testutil"
)

// TestBindsOfTrees binds a directory with a mount below it: how far "read-only"
// reaches, and in which directions later mounts travel.
func TestBindsOfTrees(t *testing.T) {
	testutil.RequiresRoot(t)
	b := newBench(t)
	host := t.TempDir()
	on := func(target, kind string, flags uintptr) {
		t.Helper()
		if err := unix.Mount(kind, target, kind, flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	on(host, "tmpfs", 0)
	t.Cleanup(func() { _ = unix.Unmount(host, unix.MNT_DETACH) })
	on(host, "", unix.MS_SHARED)
	below, late := filepath.Join(host, "below"), filepath.Join(host, "late")
	for _, dir := range []string{below, late} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	on(below, "tmpfs", 0)
	bind := func(options ...string) func(*execdriver.Command) {
		return func(c *execdriver.Command) {
			c.Mounts = []mount.Mount{{Type: "bind", Source: host, Target: "/in", Options: options}}
			c.Security = execdriver.Security{Privileged: true, Capabilities: []string{"ALL"}}
		}
	}
	d := b.open()
	for _, c := range []struct {
		name, script string
		edit         func(*execdriver.Command)
		want         string
	}{
		{"read-only all the way", "touch /in/x 2>/dev/null || echo top; touch /in/below/x 2>/dev/null || echo below",
			bind("rbind", "rprivate", "ro", "rro"), "top\nbelow\n"},
		{"read-only at the top", "touch /in/x 2>/dev/null || echo top; touch /in/below/x 2>/dev/null || echo below",
			bind("rbind", "rprivate", "ro"), "top\n"},
		{"not what is below", "touch /in/below/y", bind("bind", "rprivate"), ""},
		{"private", "mount -t tmpfs x /in/late && echo done", bind("rbind", "rprivate"), "done\n"},
		{"shared", "mount -t tmpfs x /in/late && touch /in/late/inside && echo done", bind("rbind", "rshared"), "done\n"},
	} {
		cmd := b.command("sh", "-c", c.script)
		c.edit(cmd)
		out, exit, _ := b.run(d, cmd)
		if out != c.want || exit.Code != 0 {
			t.Errorf("%s: %q, exit %d, want %q", c.name, out, exit.Code, c.want)
		}
		_, err := os.Stat(filepath.Join(late, "inside"))
		if seen := err == nil; seen != (c.name == "shared") {
			t.Errorf("%s: the host sees the mount of the container: %v", c.name, seen)
		}
		if err := d.Remove(t.Context(), cmd.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(below, "y")); err == nil {
		t.Error("a bind that is not recursive shows what is mounted below")
	}
}
