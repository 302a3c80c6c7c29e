package native

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/pkg/mount"
)

// TestInside checks what a workload finds, each case with a small script.
func TestInside(t *testing.T) {
	b := newBench(t)
	b.file("etc/passwd", "root:x:0:0::/root:/bin/sh\nsue:x:1234:99::/home/sue:/bin/sh\n", 0o644)
	b.file("etc/group", "root:x:0:\nwheel:x:10:sue,root\nvideo:x:44:\n", 0o644)
	if err := os.Symlink("/../../../../tmp", filepath.Join(b.root, "escape")); err != nil {
		t.Fatal(err)
	}
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "file"), []byte("from the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	bind := func(target string, options ...string) func(*execdriver.Command) {
		return func(c *execdriver.Command) {
			c.Mounts = []mount.Mount{{Type: "bind", Source: host, Target: target, Options: append(options, "rbind")}}
		}
	}
	user := func(u string) func(*execdriver.Command) {
		return func(c *execdriver.Command) { c.Process.User = u }
	}
	d := b.open()
	for _, c := range []struct {
		name, script string
		edit         func(*execdriver.Command)
		want         string
		code         int
	}{
		{"pid 1", "echo $$", nil, "1\n", 0},
		{"hostname", "hostname", nil, "box\n", 0},
		{"root's groups", "id -u; id -G", nil, "0\n0 10\n", 0},
		{"named user", "id -u; id -g; id -G; echo $HOME", user("sue"), "1234\n99\n99 10\n/home/sue\n", 0},
		{"numbers", "id -u; id -g; echo $HOME", user("77:video"), "77\n44\n/\n", 0},
		{"groups", "id -G", func(c *execdriver.Command) { c.Process.Groups = []string{"video", "7"} }, "0 7 10 44\n", 0},
		{"no rights for a user", "grep CapEff /proc/self/status", user("sue"), "CapEff:\t0000000000000000\n", 0},
		{"capabilities", "grep Cap /proc/self/status | sort | head -3", nil,
			"CapAmb:\t0000000000000000\nCapBnd:\t00000000080000e1\nCapEff:\t00000000080000e1\n", 0},
		{"filter", "grep Seccomp: /proc/self/status", nil, "Seccomp:\t2\n", 0},
		{"no filter", "grep Seccomp: /proc/self/status", func(c *execdriver.Command) { c.Security.Seccomp = "unconfined" },
			"Seccomp:\t0\n", 0},
		{"own filter", "mkdir /tmp/x 2>/dev/null || echo refused", func(c *execdriver.Command) {
			c.Security.Seccomp = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}`
		}, "refused\n", 0},
		{"no new privileges", "grep NoNewPrivs /proc/self/status", func(c *execdriver.Command) {
			c.Security.NoNewPrivileges = true
		}, "NoNewPrivs:\t1\n", 0},
		{"masked", "cat /proc/keys | wc -c; ls /proc/acpi | wc -l", nil, "0\n0\n", 0},
		{"read-only paths", "echo 1 > /proc/sys/kernel/panic", nil, "", 1},
		{"read-only sys", "mkdir /sys/fs/cgroup/memory/x", nil, "", 1},
		{"mount is refused", "mount -t tmpfs x /tmp", nil, "", 1},
		{"foreign device", "mknod /tmp/vda b 254 0; cat /tmp/vda", nil, "", 1},
		{"null device", "echo x > /dev/null; rm -f /tmp/vda; stat -c %t:%T /dev/null", nil, "1:3\n", 0},
		{"directory is made", "pwd", func(c *execdriver.Command) { c.Process.Dir = "/made/here" }, "/made/here\n", 0},
		{"bind", "cat /mnt/in/file; echo x > /mnt/in/file2 && rm /mnt/in/file2", bind("/mnt/in"), "from the host\n", 0},
		{"bind read-only", "cat /mnt/in/file; (echo x > /mnt/in/file2) 2>/dev/null", bind("/mnt/in", "ro"), "from the host\n", 1},
		{"bind through a link", "cat /tmp/esc/file", bind("/escape/esc"), "from the host\n", 0},
		{"read-only root", "touch /x 2>/dev/null || echo refused; touch /dev/shm/x", func(c *execdriver.Command) {
			c.ReadonlyFS = true
		}, "refused\n", 0},
		{"tmpfs", "touch /scratch/x; mount | grep /scratch", func(c *execdriver.Command) {
			c.Mounts = []mount.Mount{{Type: "tmpfs", Source: "tmpfs", Target: "/scratch", Options: []string{"nosuid", "size=1m"}}}
		}, "tmpfs on /scratch type tmpfs (rw,nosuid,relatime,size=1024k)\n", 0},
		{"loopback only", "ip link | grep -c UP", nil, "1\n", 0},
		{"small init", "cat /proc/1/comm", func(c *execdriver.Command) { c.UseInit = true }, "docker-init\n", 0},
		{"small init's code", "exit 5", func(c *execdriver.Command) { c.UseInit = true }, "", 5},
		{"ulimit", "ulimit -n", func(c *execdriver.Command) {
			c.Resources.Rlimits = []execdriver.Rlimit{{Name: "nofile", Soft: 100, Hard: 200}}
		}, "100\n", 0},
		{"sysctl", "cat /proc/sys/kernel/msgmax", func(c *execdriver.Command) {
			c.Sysctls = map[string]string{"kernel.msgmax": "4321"}
		}, "4321\n", 0},
		{"shm size", "mount | grep /dev/shm", func(c *execdriver.Command) { c.ShmSize = 1 << 20 },
			"shm on /dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=1024k)\n", 0},
		{"terminal", "tty; stty size", func(c *execdriver.Command) {
			c.Process.Tty, c.Process.Height, c.Process.Width = true, 33, 99
		}, "/dev/pts/0\r\n33 99\r\n", 0},
		{"terminal and init", "tty", func(c *execdriver.Command) { c.Process.Tty, c.UseInit = true, true }, "/dev/pts/0\r\n", 0},
		{"memory", "cd /sys/fs/cgroup; cat memory.max 2>/dev/null || cat memory/memory.limit_in_bytes", func(c *execdriver.Command) {
			c.Resources.Memory = 64 << 20
		}, "67108864\n", 0},
		{"device", "stat -c %t:%T:%a /dev/mine; cat /dev/mine | head -c 0", func(c *execdriver.Command) {
			c.Devices = []execdriver.Device{{Path: "/dev/mine", Type: 'c', Major: 1, Minor: 5, Permissions: "rwm", Mode: 0o600}}
		}, "1:5:600\n", 0},
		{"privileged", "mount -t tmpfs x /tmp && test -e /dev/kmsg && echo yes", func(c *execdriver.Command) {
			c.Security = execdriver.Security{Privileged: true, Capabilities: []string{"ALL"}}
		}, "yes\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "memory" && !d.Info().MemoryLimit {
				t.Skip("the host cannot limit memory")
			}
			cmd := b.command("sh", "-c", c.script)
			if c.edit != nil {
				c.edit(cmd)
			}
			out, exit, _ := b.run(d, cmd)
			out = strings.ReplaceAll(out, ",inode64", "") // by default with some kernels
			if c.code == 0 && out != c.want || !strings.HasPrefix(out, c.want) || exit.Code != c.code {
				t.Errorf("got %q, code %d; want %q, code %d", out, exit.Code, c.want, c.code)
			}
			if err := d.Remove(t.Context(), cmd.ID); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOutOfMemory(t *testing.T) {
	b := newBench(t)
	d := b.open()
	if !d.Info().MemoryLimit {
		t.Skip("the host cannot limit memory")
	}
	cmd := b.command("dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1")
	cmd.Resources.Memory = 8 << 20
	_, exit, _ := b.run(d, cmd)
	if !exit.OOMKilled || exit.Code != 137 {
		t.Errorf("%+v", exit)
	}
}

// TestSharedNamespaces starts one container in another's namespaces.
func TestSharedNamespaces(t *testing.T) {
	b := newBench(t)
	d := b.open()
	first := b.command("sh", "-c", "echo shared > /dev/shm/note; exec sleep 100")
	st, err := d.Start(t.Context(), first, execdriver.Output{})
	if err != nil {
		t.Fatal(err)
	}
	ns := func(name string) string { return fmt.Sprintf("/proc/%d/ns/%s", st.Pid, name) }
	link := func(path string) string {
		to, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	second := b.command("sh", "-c", "cat /dev/shm/note; ls -l /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts; ps")
	second.Namespaces = execdriver.Namespaces{Net: ns("net"), IPC: ns("ipc"), UTS: ns("uts"), PID: ns("pid")}
	b.until("seeing the note", func() error {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root/dev/shm/note", st.Pid))
		return err
	})
	out, exit, _ := b.run(d, second)
	for _, want := range []string{"shared\n", link(ns("net")), link(ns("ipc")), link(ns("uts")), "sleep 100"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if exit.Code != 0 || t.Failed() {
		t.Errorf("code %d, output:\n%s", exit.Code, out)
	}
	third := b.command("sh", "-c", "ls -l /proc/self/ns/net; sleep 50 & echo left")
	third.Namespaces = execdriver.Namespaces{Net: "host", IPC: "host", UTS: "host", PID: "host"}
	out, _, _ = b.run(d, third)
	if !strings.Contains(out, link("/proc/self/ns/net")) || !strings.Contains(out, "left") {
		t.Errorf("host namespaces: %s", out)
	}
}

// TestManyLayers starts on an overlay whose description is longer than the page
// that mount(2) takes.
func TestManyLayers(t *testing.T) {
	b := newBench(t)
	d := b.open()
	var lowers []string
	for i := range 100 {
		dir := filepath.Join(b.dir, fmt.Sprintf("a-layer-with-quite-a-long-name-%03d", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("in", i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		lowers = append(lowers, dir)
	}
	for _, dir := range []string{"up", "work"} {
		if err := os.Mkdir(filepath.Join(b.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := b.command("sh", "-c", "ls / | grep -c ^in; touch /fresh")
	cmd.Root = []mount.Mount{{Type: "overlay", Source: "overlay", Options: []string{
		"lowerdir=" + strings.Join(append(lowers, b.root), ":"),
		"upperdir=" + b.dir + "/up", "workdir=" + b.dir + "/work",
	}}}
	var name unix.Utsname
	_ = unix.Uname(&name) // cannot fail
	var major, minor int
	if fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); major*1000+minor < 6005 {
		if _, err := d.Start(t.Context(), cmd, execdriver.Output{}); err == nil || !strings.Contains(err.Error(), "6.5") {
			t.Errorf("on an old kernel: %v", err)
		}
		return
	}
	if out, exit, _ := b.run(d, cmd); out != "100\n" || exit.Code != 0 {
		t.Errorf("it sees %q layers, code %d", out, exit.Code)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "up", "fresh")); err != nil {
		t.Error(err)
	}
	if err := d.Remove(t.Context(), cmd.ID); err != nil {
		t.Error(err)
	}
}
