package native

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/exectest"
	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/logdriver/jsonfile"
	"github.com/enginejobs/docker/pkg/cgroups"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/pkg/testutil"
)

// buildInit builds dockerinit once for all tests, unless there is one already:
// hack/make/test-v2 runs them where there is no compiler.
var buildInit = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("ENGINEJOBS_DOCKERINIT"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "dockerinit")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "dockerinit")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path,
		"github.com/enginejobs/docker/dockerinit")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Geteuid() == 0 && os.Getenv("ENGINEJOBS_DOCKERINIT") == "" { // else none was built
		if path, err := buildInit(); err == nil {
			os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

// bench is what a test works with: a driver's directory and a root.
type bench struct {
	t    testing.TB
	dir  string
	root string
	opt  Options
}

var busyboxLinks = strings.Fields("sh true false echo cat sleep id mount ls stty tty ps kill head ulimit hostname " +
	"mkdir rm pwd chmod touch seq dd printf env ip stat wc grep usleep mknod umount test sync")

func newBench(t testing.TB) *bench {
	testutil.RequiresRoot(t)
	path, err := buildInit()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, dir: t.TempDir()}
	b.root = filepath.Join(b.dir, "root")
	for _, dir := range []string{"bin", "etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(b.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Skip("busybox-static is not installed")
	}
	b.file("bin/busybox", string(busybox), 0o755)
	for _, name := range busyboxLinks {
		if err := os.Symlink("busybox", filepath.Join(b.root, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	b.opt = Options{
		Root: filepath.Join(b.dir, "native"), DockerinitPath: path,
		CgroupParent: fmt.Sprintf("ejtest%d", os.Getpid()),
	}
	t.Cleanup(func() {
		layout, err := cgroups.Detect()
		if err == nil {
			group := layout.Open("", b.opt.CgroupParent)
			_ = group.Kill() // of a test that failed
			err = group.Remove()
		}
		if err != nil {
			t.Errorf("cgroups are left: %v", err)
		}
	})
	return b
}

func (b *bench) file(name, text string, mode os.FileMode) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.root, name), []byte(text), mode); err != nil {
		b.t.Fatal(err)
	}
}

// open makes a driver that is closed at the end of the test, after its containers.
func (b *bench) open() *Driver {
	b.t.Helper()
	d, err := New(b.opt)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.end(d) })
	return d
}

func (b *bench) end(d *Driver) {
	if d.ctx.Err() != nil {
		return
	}
	states, err := d.Restore(contextOf(b.t))
	if err != nil {
		b.t.Errorf("restoring at the end: %v", err)
	}
	for _, s := range states {
		if s.Exit == nil {
			_ = d.Signal(contextOf(b.t), s.ID, int(unix.SIGKILL))
		}
	}
	for _, s := range states {
		b.until("removing "+s.ID, func() error { return d.Remove(contextOf(b.t), s.ID) })
	}
	if err := d.Close(); err != nil {
		b.t.Errorf("closing: %v", err)
	}
	if text, _ := os.ReadFile(filepath.Join(b.opt.Root, "engine.log")); len(text) > 0 {
		b.t.Logf("log of the exec engine:\n%s", text)
	}
}

// until tries until it works, for at most ten seconds.
func (b *bench) until(what string, f func() error) {
	b.t.Helper()
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	b.t.Fatalf("%s: %v", what, err)
}

func (b *bench) command(args ...string) *execdriver.Command {
	return &execdriver.Command{
		ID:       fmt.Sprintf("c%d", time.Now().UnixNano()),
		Root:     []mount.Mount{{Type: "bind", Source: b.root, Options: []string{"rbind"}}},
		Hostname: "box",
		Process:  execdriver.Process{Args: args, Env: []string{"PATH=/bin"}},
		Security: execdriver.Security{
			Capabilities:  []string{"CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_MKNOD"},
			MaskedPaths:   []string{"/proc/kcore", "/proc/keys", "/proc/acpi", "/proc/none"},
			ReadonlyPaths: []string{"/proc/sys", "/proc/none"},
		},
	}
}

// run runs a command to its end and gives both outputs together.
func (b *bench) run(d *Driver, cmd *execdriver.Command) (out string, exit execdriver.Exit, st execdriver.State) {
	b.t.Helper()
	exits := make(chan execdriver.Exit, 1)
	d.OnExit(func(e execdriver.Exit) {
		if e.ID == cmd.ID {
			exits <- e
		}
	})
	r, w, err := os.Pipe()
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Close()
	o := execdriver.Output{Stdout: w}
	if !cmd.Process.Tty {
		fd, err := unix.FcntlInt(w.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			b.t.Fatal(err)
		}
		o.Stderr = os.NewFile(uintptr(fd), "stderr")
	}
	if st, err = d.Start(b.t.Context(), cmd, o); err != nil {
		b.t.Fatalf("start %v: %v", cmd.Process.Args, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		b.t.Fatal(err)
	}
	select {
	case exit = <-exits:
	case <-time.After(10 * time.Second):
		b.t.Fatalf("%v did not end", cmd.Process.Args)
	}
	return string(text), exit, st
}

func TestContract(t *testing.T) {
	exectest.Run(t, func(t *testing.T) exectest.Harness {
		b := newBench(t)
		return exectest.Harness{
			Open: func(t *testing.T) execdriver.Driver {
				d, err := New(b.opt)
				if err != nil {
					t.Fatal(err)
				}
				return d
			},
			Command: func(*testing.T) *execdriver.Command { return b.command() },
		}
	})
}

// TestExecEngineIsKilled kills it several times under containers that print
// numbers: none stops, no number is lost or doubled, exit codes are true.
func TestExecEngineIsKilled(t *testing.T) {
	b := newBench(t)
	d := b.open()
	exits := make(chan execdriver.Exit, 10)
	d.OnExit(func(e execdriver.Exit) { exits <- e })
	const count, last = 6, 300
	logs := map[string]string{}
	for i := range count {
		cmd := b.command("sh", "-c", fmt.Sprintf(
			"i=0; while [ $i -lt %d ]; do i=$((i+1)); printf 'number'; echo \" $i\"; usleep 3000; done; exit %d", last, i+3))
		cmd.Log = execdriver.LogSpec{Driver: "json-file", Path: filepath.Join(b.dir, cmd.ID+".log")}
		if _, err := d.Start(t.Context(), cmd, execdriver.Output{}); err != nil {
			t.Fatal(err)
		}
		logs[cmd.ID] = fmt.Sprint(i + 3)
	}
	short := b.command("sh", "-c", "usleep 450000; exit 9")
	if _, err := d.Start(t.Context(), short, execdriver.Output{}); err != nil {
		t.Fatal(err)
	}
	logs[short.ID] = "9"
	for range 8 {
		time.Sleep(80 * time.Millisecond)
		b.until("finding the exec engine", func() error {
			if err := d.job(t.Context(), "list").Run(); err != nil {
				return err
			}
			return unix.Kill(engineOf(t, d), unix.SIGKILL)
		})
	}
	for range count + 1 {
		select {
		case e := <-exits:
			if fmt.Sprint(e.Code) != logs[e.ID] {
				t.Errorf("container %s: exit code %d instead of %s", e.ID, e.Code, logs[e.ID])
			}
		case <-time.After(20 * time.Second):
			t.Fatal("an exit is missing")
		}
	}
	for id := range logs {
		if id == short.ID {
			continue
		}
		var text strings.Builder
		err := logdriver.Read(t.Context(), jsonfile.Format{}, &logdriver.Spec{Path: filepath.Join(b.dir, id+".log")},
			logdriver.ReadOptions{Tail: -1}, func(e *logdriver.Entry) error { text.Write(e.Text); return nil })
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
		for i, line := range lines {
			if line != fmt.Sprintf("number %d", i+1) {
				t.Errorf("container %s: line %d is %q", id, i+1, line)
				break
			}
		}
		if len(lines) != last {
			t.Errorf("container %s: %d lines", id, len(lines))
		}
	}
}

// TestBothAreGone leaves containers alone altogether: they are found again.
func TestBothAreGone(t *testing.T) {
	b := newBench(t)
	d := b.open()
	long, short := b.command("sleep", "100"), b.command("sleep", "1")
	var last execdriver.State
	for _, cmd := range []*execdriver.Command{long, short} {
		var err error
		if last, err = d.Start(t.Context(), cmd, execdriver.Output{}); err != nil {
			t.Fatal(err)
		}
	}
	pid := engineOf(t, d)
	d.stop() // what Close does, without telling the exec engine
	<-d.left
	d.over.Wait()
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, h := range d.held {
		h.close()
	}
	var ws syscall.WaitStatus
	b.until("collecting the short one", func() error { // this test stands in for process 1
		_, err := syscall.Wait4(last.Pid, &ws, 0, nil)
		return err
	})
	d = b.open()
	states, err := d.Restore(t.Context())
	if err != nil || len(states) != 2 {
		t.Fatalf("restored %+v, %v", states, err)
	}
	for _, s := range states {
		if (s.Exit == nil) != (s.ID == long.ID) {
			t.Errorf("restored %+v", s)
		}
	}
	if err := d.Signal(t.Context(), long.ID, int(unix.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.ID == long.ID {
			_, _ = syscall.Wait4(s.Pid, &ws, 0, nil) // the same
		}
	}
}

func TestStartFailures(t *testing.T) {
	b := newBench(t)
	b.file("bin/text", "no program", 0o755)
	b.file("bin/plain", "#!/bin/sh\n", 0o644)
	b.file("notadir", "", 0o644)
	d := b.open()
	for _, c := range []struct {
		name string
		edit func(*execdriver.Command)
		kind errdefs.Kind
		text string
	}{
		{"missing", func(c *execdriver.Command) { c.Process.Args = []string{"nothing"} }, errdefs.KindNotFound, "executable file not found in $PATH"},
		{"missing path", func(c *execdriver.Command) { c.Process.Args = []string{"/no/thing"} }, errdefs.KindNotFound, "no such file"},
		{"plain", func(c *execdriver.Command) { c.Process.Args = []string{"plain"} }, errdefs.KindForbidden, "permission denied"},
		{"directory", func(c *execdriver.Command) { c.Process.Args = []string{"/bin"} }, errdefs.KindForbidden, "directory"},
		{"format", func(c *execdriver.Command) { c.Process.Args = []string{"text"} }, errdefs.KindForbidden, "exec format error"},
		{"user", func(c *execdriver.Command) { c.Process.User = "nobody" }, errdefs.KindInvalidArgument, "no such user"},
		{"big user", func(c *execdriver.Command) { c.Process.User = "99999999999" }, errdefs.KindInvalidArgument, "range"},
		{"bind source", func(c *execdriver.Command) {
			c.Mounts = []mount.Mount{{Type: "bind", Source: "/no/source", Target: "/x"}}
		}, errdefs.KindInternal, "/no/source"},
		{"bind on file", func(c *execdriver.Command) {
			c.Mounts = []mount.Mount{{Type: "bind", Source: "/tmp", Target: "/notadir/x"}}
		}, errdefs.KindInternal, "/notadir/x"},
		{"root", func(c *execdriver.Command) { c.Root[0].Source = "/no/root" }, errdefs.KindInternal, "/no/root"},
		{"netns", func(c *execdriver.Command) { c.Namespaces.Net = "/proc/1/no" }, errdefs.KindInternal, "/proc/1/no"},
		{"pidns", func(c *execdriver.Command) { c.Namespaces.PID = "/proc/1/no" }, errdefs.KindInternal, "/proc/1/no"},
		{"cpuset", func(c *execdriver.Command) { c.Resources.CpusetCpus = "9999" }, errdefs.KindInternal, "9999"},
		{"sysctl", func(c *execdriver.Command) { c.Sysctls = map[string]string{"no.such": "1"} }, errdefs.KindInternal, "sysctl"},
		{"log", func(c *execdriver.Command) { c.Log = execdriver.LogSpec{Driver: "json-file", Path: "/no/log"} }, errdefs.KindInternal, "/no/log"},
		{"capability", func(c *execdriver.Command) { c.Security.Capabilities = []string{"CAP_X"} }, errdefs.KindInvalidArgument, "CAP_X"},
		{"seccomp", func(c *execdriver.Command) { c.Security.Seccomp = "{" }, errdefs.KindInvalidArgument, "seccomp"},
		{"dir", func(c *execdriver.Command) { c.Process.Dir = "/notadir" }, errdefs.KindNotFound, "/notadir"},
	} {
		cmd := b.command("true")
		c.edit(cmd)
		_, err := d.Start(t.Context(), cmd, execdriver.Output{})
		if !errdefs.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v of kind %v, want %q of kind %v", c.name, err, errdefs.KindOf(err), c.text, c.kind)
		}
		for _, dir := range d.layout.Open(b.opt.CgroupParent, cmd.ID).Paths {
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("%s: %s is left", c.name, dir)
			}
		}
	}
	if left, _ := filepath.Glob(d.path("records/*")); len(left) != 0 {
		t.Errorf("records are left: %v", left)
	}
}
