package native

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// execs runs execs of one test.
type execs struct {
	*bench
	d     *Driver
	box   *execdriver.Command
	exits chan execdriver.Exit
	n     int
}

func (b *bench) execs(edit func(*execdriver.Command)) *execs {
	b.t.Helper()
	x := &execs{bench: b, d: b.open(), box: b.command("sleep", "600"), exits: make(chan execdriver.Exit, 100)}
	if edit != nil {
		edit(x.box)
	}
	x.d.OnExit(func(e execdriver.Exit) { x.exits <- e })
	if _, err := x.d.Start(b.t.Context(), x.box, execdriver.Output{}); err != nil {
		b.t.Fatal(err)
	}
	return x
}

func (x *execs) command(args ...string) *execdriver.ExecCommand {
	x.n++
	cmd := &execdriver.ExecCommand{
		ID: fmt.Sprint("x", x.n), Container: x.box.ID, Process: x.box.Process, Security: x.box.Security,
	}
	cmd.Process.Args = args
	return cmd
}

// start runs a command and gives the reading end of its output.
func (x *execs) start(cmd *execdriver.ExecCommand) *os.File {
	x.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { r.Close() })
	if _, err := x.d.Exec(contextOf(x.t), cmd, execdriver.Output{Stdout: w}); err != nil {
		x.t.Fatalf("exec %v: %v", cmd.Process.Args, err)
	}
	return r
}

func (x *execs) end(id string) execdriver.Exit {
	x.t.Helper()
	for {
		select {
		case e := <-x.exits:
			if e.ID == id {
				return e
			}
		case <-time.After(15 * time.Second):
			x.t.Fatalf("%s did not end", id)
		}
	}
}

func (x *execs) says(cmd *execdriver.ExecCommand) string {
	x.t.Helper()
	r := x.start(cmd)
	text, err := io.ReadAll(r)
	if err != nil {
		x.t.Fatal(err)
	}
	r.Close()
	x.end(cmd.ID)
	return string(text)
}

// TestExecIsInside: an exec has the namespaces, groups and limits of its
// container, its own rights, and no descriptor but its streams.
func TestExecIsInside(t *testing.T) {
	b := newBench(t)
	x := b.execs(func(c *execdriver.Command) { c.Security.NoNewPrivileges = true })
	script := `cd /proc/self/ns; for n in cgroup ipc mnt net pid uts; do stat -L -c %i $n; done; ls /proc/self/fd | wc -l;
		grep -E '^(CapEff|CapBnd|CapInh|NoNewPrivs|Seccomp):' /proc/self/status; ulimit -n; umask; hostname; ps | wc -l`
	got := x.says(x.command("sh", "-c", script))
	pid := x.d.held[x.box.ID].state().Pid
	var want strings.Builder
	for _, n := range strings.Fields("cgroup ipc mnt net pid uts") {
		var st unix.Stat_t
		if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/%s", pid, n), &st); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&want, st.Ino)
	}
	want.WriteString("4\n") // three streams, and the directory that is listed
	want.WriteString("CapInh:\t0000000000000000\nCapEff:\t00000000080000e1\nCapBnd:\t00000000080000e1\nNoNewPrivs:\t1\nSeccomp:\t2\n")
	var files unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &files); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&want, "%d\n0022\nbox\n", files.Cur)
	if !strings.HasPrefix(got, want.String()) {
		t.Errorf("it says\n%s\nwant\n%s", got, want.String())
	}
	long := x.command("sleep", "600")
	x.start(long)
	pids, err := x.d.Pids(t.Context(), x.box.ID)
	if err != nil || len(pids) != 2 {
		t.Errorf("pids of the container: %v, %v", pids, err)
	}
	mine, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pids {
		if other, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p)); err != nil || !bytes.Equal(mine, other) {
			t.Errorf("process %d is in other groups: %s, %v", p, other, err)
		}
	}
}

// TestExecRights: a privileged exec in a plain container, a user, limits.
func TestExecRights(t *testing.T) {
	b := newBench(t)
	b.file("etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1001:1002::/home/ann:/bin/sh\n", 0o644)
	b.file("etc/group", "root:x:0:\nann:x:1002:\nextra:x:77:ann\n", 0o644)
	x := b.execs(nil)
	cmd := x.command("sh", "-c", "id; echo $HOME; grep CapEff /proc/self/status; ulimit -n; cat /proc/self/oom_score_adj")
	cmd.Process.User = "ann"
	cmd.Rlimits = []execdriver.Rlimit{{Name: "nofile", Soft: 77, Hard: 88}}
	cmd.Process.OOMScore = 321
	// The kernel sorts groups.
	want := "uid=1001(ann) gid=1002(ann) groups=77(extra),1002(ann)\n/home/ann\nCapEff:\t0000000000000000\n77\n321\n"
	if got := x.says(cmd); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	cmd = x.command("sh", "-c", "grep -E 'CapEff|Seccomp:' /proc/self/status; mount -t tmpfs t /tmp && echo mounted")
	cmd.Security = execdriver.Security{Privileged: true, Capabilities: []string{"ALL"}}
	want = fmt.Sprintf("CapEff:\t%016x\nSeccomp:\t0\nmounted\n", x.d.caps)
	if got := x.says(cmd); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
}

// TestExecDirectory: a directory must be there, and inside.
func TestExecDirectory(t *testing.T) {
	b := newBench(t)
	if err := os.Symlink("/proc/self/fd/3", filepath.Join(b.root, "way-out")); err != nil {
		t.Fatal(err)
	}
	x := b.execs(nil)
	for _, dir := range []string{"/missing", "/proc/self/fd/3", "/way-out/..", "/bin/sh"} {
		cmd := x.command("pwd")
		cmd.Process.Dir = dir
		if _, err := x.d.Exec(t.Context(), cmd, execdriver.Output{}); err == nil {
			t.Errorf("it entered %s", dir)
		} else if !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(b.root, "missing")); err == nil {
		t.Error("a directory was made")
	}
}

// TestExecSurvivesTheExecEngine kills it under execs with and without a terminal.
func TestExecSurvivesTheExecEngine(t *testing.T) {
	b := newBench(t)
	x := b.execs(nil)
	const last = 400
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do i=$((i+1)); echo $i; usleep 2000; done; exit 7", last)
	var outs []*os.File
	var cmds []*execdriver.ExecCommand
	for i := range 4 {
		cmd := x.command("sh", "-c", script)
		cmd.Process.Tty = i%2 == 1
		cmds, outs = append(cmds, cmd), append(outs, x.start(cmd))
	}
	time.Sleep(100 * time.Millisecond)
	if err := unix.Kill(engineOf(t, x.d), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	codes := map[string]int{}
	for range cmds {
		select {
		case e := <-x.exits:
			codes[e.ID] = e.Code
		case <-time.After(20 * time.Second):
			t.Fatalf("the others did not end: %v", codes)
		}
	}
	for i, cmd := range cmds {
		text, err := io.ReadAll(outs[i])
		lines := strings.Fields(string(text))
		if err != nil || len(lines) != last || lines[last-1] != fmt.Sprint(last) {
			t.Errorf("%s: %d lines, %v", cmd.ID, len(lines), err)
		}
		if codes[cmd.ID] != 7 {
			t.Errorf("%s: code %d", cmd.ID, codes[cmd.ID])
		}
	}
	if got := x.says(x.command("echo", "again")); got != "again\n" {
		t.Errorf("the next one says %q", got)
	}
}

// TestExecEngineIsKilledDuringExec: nothing is left that the driver does not know,
// and the container ends.
func TestExecEngineIsKilledDuringExec(t *testing.T) {
	b := newBench(t)
	x := b.execs(nil)
	for i := range 8 {
		kill := time.AfterFunc(time.Duration(i)*600*time.Microsecond, func() {
			for _, pid := range enginesOf(t, x.d) {
				_ = unix.Kill(pid, unix.SIGKILL) // it may be gone
			}
		})
		cmd := x.command("sleep", "600")
		_, err := x.d.Exec(t.Context(), cmd, execdriver.Output{})
		kill.Stop()
		if err == nil {
			b.until("killing "+cmd.ID, func() error { return x.d.Signal(contextOf(t), cmd.ID, int(unix.SIGKILL)) })
			if e := x.end(cmd.ID); e.Code != 137 {
				t.Errorf("%+v", e)
			}
		} else if !errdefs.Is(err, errdefs.KindUnavailable) {
			t.Errorf("exec: %v", err)
		}
		b.until("a new exec engine", func() error { return x.d.job(contextOf(t), "list").Run() })
	}
	b.until("the end of what nobody knows", func() error {
		pids, err := x.d.Pids(contextOf(t), x.box.ID)
		if err == nil && len(pids) != 1 {
			err = fmt.Errorf("left: %v", pids)
		}
		return err
	})
	if err := x.d.Signal(t.Context(), x.box.ID, int(unix.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	x.end(x.box.ID)
}

// TestExecLeavesNothing: descriptors and processes of both halves, after many.
func TestExecLeavesNothing(t *testing.T) {
	b := newBench(t)
	x := b.execs(nil)
	x.says(x.command("true"))
	pid := engineOf(t, x.d)
	count := func() int {
		n := 0
		for _, p := range []int{pid, os.Getpid()} {
			list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p))
			if err != nil {
				t.Fatal(err)
			}
			n += len(list)
		}
		return n
	}
	before, memory := count(), pss(t, pid)
	for i := range 100 {
		cmd := x.command("sh", "-c", "echo hello")
		if i%4 == 1 {
			cmd.Process.Args = []string{"no-such-program"}
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.d.Exec(t.Context(), cmd, execdriver.Output{Stdout: w}); !errdefs.IsNotFound(err) {
				t.Errorf("a missing program: %v", err)
			}
			r.Close()
			continue
		}
		cmd.Process.OpenStdin, cmd.Process.Tty = i%4 > 1, i%4 == 3
		x.says(cmd)
	}
	b.until("descriptors are closed", func() error {
		if now := count(); now > before+2 {
			return fmt.Errorf("%d descriptors, %d before", now, before)
		}
		return nil
	})
	t.Logf("the exec engine has %d KiB, %d before", pss(t, pid), memory)
	x.d.mu.Lock()
	left := len(x.d.execs)
	x.d.mu.Unlock()
	if left != 0 {
		t.Errorf("%d execs are kept", left)
	}
}

// TestExecIsCanceled at every moment of the start.
func TestExecIsCanceled(t *testing.T) {
	b := newBench(t)
	x := b.execs(nil)
	for i := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*150*time.Microsecond)
		cmd := x.command("sleep", "600")
		_, err := x.d.Exec(ctx, cmd, execdriver.Output{})
		cancel()
		if err == nil {
			if err := x.d.Signal(t.Context(), cmd.ID, int(unix.SIGKILL)); err != nil {
				t.Error(err)
			}
			x.end(cmd.ID)
		}
	}
	b.until("the end of all", func() error {
		pids, err := x.d.Pids(contextOf(t), x.box.ID)
		if err == nil && len(pids) != 1 {
			err = fmt.Errorf("left: %v", pids)
		}
		return err
	})
}

// TestExecInSharedPids: the container has no pid namespace of its own, so the
// exec is killed with the rest of its group.
func TestExecInSharedPids(t *testing.T) {
	b := newBench(t)
	x := b.execs(func(c *execdriver.Command) { c.Namespaces.PID, c.Namespaces.Net = "host", "host" })
	long := x.command("sh", "-c", "sleep 600 & sleep 600")
	x.start(long)
	if got := x.says(x.command("echo", "hello")); got != "hello\n" {
		t.Errorf("it says %q", got)
	}
	if err := x.d.Signal(t.Context(), x.box.ID, int(unix.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	ends := map[string]int{}
	for range 2 {
		select {
		case e := <-x.exits:
			ends[e.ID] = e.Code
		case <-time.After(15 * time.Second):
			t.Fatalf("only these ended: %v", ends)
		}
	}
	if ends[long.ID] != 137 || ends[x.box.ID] != 137 {
		t.Errorf("ends %v", ends)
	}
}
