package daemon

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// exec makes an execution by job and returns its id.
func (f *fixture) exec(name string, cmd []string, pairs ...string) string {
	f.t.Helper()
	job := env(f.eng.Job("exec_create", name), append([]string{"AttachStdout", "1", "AttachStderr", "1"}, pairs...)...)
	if err := job.SetenvJson("Cmd", cmd); err != nil {
		f.t.Fatal(err)
	}
	out, err := job.Output()
	if err != nil {
		f.t.Fatalf("exec_create %s %q: %v", name, cmd, err)
	}
	return strings.TrimSpace(string(out))
}

func (f *fixture) execInspect(id string) *api.ExecInspect {
	f.t.Helper()
	var out api.ExecInspect
	if err := json.Unmarshal([]byte(f.run("exec_inspect", id)), &out); err != nil {
		f.t.Fatal(err)
	}
	return &out
}

// execStart runs an execution and gives what it said.
func (f *fixture) execStart(id, stdin string) (stdout, stderr string) {
	f.t.Helper()
	var out, errOut safeBuffer
	job := f.eng.Job("exec_start", id)
	job.Stdout.Add(&out)
	job.Stderr.Add(&errOut)
	if err := job.Stdin.Add(strings.NewReader(stdin)); err != nil {
		f.t.Fatal(err)
	}
	if err := job.Run(); err != nil {
		f.t.Fatalf("exec_start: %v", err)
	}
	return out.String(), errOut.String()
}

func code(t *testing.T, i *api.ExecInspect) int {
	t.Helper()
	if i.ExitCode == nil {
		t.Fatalf("no exit code: %+v", i)
	}
	return *i.ExitCode
}

func TestExecStart(t *testing.T) {
	f := setup(t)
	c := f.create("box", "sleep 100", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.Env = []string{"A=1", "B=2"} })
	f.run("start", "box")
	f.events.take()
	id := f.exec("box", []string{"sh", "-c", "echo out; echo err >&2; exit 7"})
	if i := f.execInspect(id); i.Running || i.ExitCode != nil || i.ContainerID != c || i.ProcessConfig.Entrypoint != "sh" {
		t.Errorf("created: %+v", i)
	}
	if ids := f.inspect("box").ExecIDs; len(ids) != 1 || ids[0] != id {
		t.Errorf("ExecIDs: %v", ids)
	}
	if out, errOut := f.execStart(id, ""); out != "out\n" || errOut != "err\n" {
		t.Errorf("%q, %q", out, errOut)
	}
	eventually(t, "its end", func() bool { return f.execInspect(id).ExitCode != nil })
	if n := code(t, f.execInspect(id)); n != 7 {
		t.Errorf("exit code %d", n)
	}
	eventually(t, "the end of its listing", func() bool { return f.inspect("box").ExecIDs == nil })
	eventually(t, "the event of its end", func() bool { return strings.HasSuffix(f.events.take(), "exec_die=7") })
	f.fails(errdefs.KindConflict, f.eng.Job("exec_start", id))
	if out, _ := f.execStart(f.exec("box", []string{"cat"}, "AttachStdin", "1"), "typed"); out != "typed" {
		t.Errorf("cat: %q", out)
	}
	out, _ := f.execStart(f.exec("box", []string{"env"}, "Env", `["B=3","C=4"]`), "")
	for _, want := range []string{"A=1\n", "B=3\n", "C=4\n", "PATH="} {
		if !strings.Contains(out, want) {
			t.Errorf("env has no %q:\n%s", want, out)
		}
	}
}

func TestExecStart_Detached(t *testing.T) {
	f := setup(t)
	f.create("box", "sleep 100")
	f.run("start", "box")
	id := f.exec("box", []string{"sh", "-c", "sleep 0.05; exit 3"})
	if err := env(f.eng.Job("exec_start", id), "Detach", "1").Run(); err != nil {
		t.Fatal(err)
	}
	if !f.execInspect(id).Running {
		t.Error("it does not run")
	}
	eventually(t, "its end", func() bool { return !f.execInspect(id).Running })
	if n := code(t, f.execInspect(id)); n != 3 {
		t.Errorf("exit code %d", n)
	}
}

// TestExecStart_ClientLeaves: the process goes on when its client is gone.
func TestExecStart_ClientLeaves(t *testing.T) {
	f := setup(t)
	f.create("box", "sleep 100")
	f.run("start", "box")
	id := f.exec("box", []string{"tick", "1000", "0.001"})
	r, w := io.Pipe()
	job := f.eng.Job("exec_start", id)
	job.Stdout.Add(w)
	ended := make(chan error, 1)
	go func() { ended <- job.Run() }()
	if _, err := io.ReadFull(r, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("exec_start: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("exec_start goes on without its client")
	}
	if !f.execInspect(id).Running {
		t.Error("the process ended with its client")
	}
}

func TestExec_Errors(t *testing.T) {
	f := setup(t)
	f.create("box", "sleep 100")
	cmd := func(name, list string, pairs ...string) error {
		return env(f.eng.Job("exec_create", name), append(pairs, "Cmd", list)...).Run()
	}
	for _, c := range []struct {
		err  error
		kind errdefs.Kind
		text string
	}{
		{cmd("nobody", `["true"]`), errdefs.KindNotFound, "No such container: nobody"},
		{cmd("box", `["true"]`), errdefs.KindConflict, "is not running"},
		{f.eng.Job("exec_inspect", "none").Run(), errdefs.KindNotFound, "No such exec instance: none"},
		{f.eng.Job("exec_start", "none").Run(), errdefs.KindNotFound, "No such exec instance: none"},
		{f.eng.Job("exec_resize", "none", "1", "1").Run(), errdefs.KindNotFound, "No such exec instance: none"},
	} {
		if errdefs.KindOf(c.err) != c.kind || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%v, want %s %q", c.err, c.kind, c.text)
		}
	}
	f.run("start", "box")
	for _, c := range []struct{ list, key, value, text string }{
		{`[]`, "Tty", "0", "No exec command specified"},
		{`["true"]`, "WorkingDir", "here", "absolute path"},
		{`["true"]`, "Env", `["=x"]`, "invalid environment variable"},
		{`["true"]`, "DetachKeys", "ctrl-nonsense", "etach"},
		{`["true"]`, "ConsoleSize", "[1]", "ConsoleSize"},
	} {
		if err := cmd("box", c.list, c.key, c.value); errdefs.KindOf(err) != errdefs.KindInvalidArgument || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s=%s: %v, want %q", c.key, c.value, err, c.text)
		}
	}
	missing := f.exec("box", []string{"no-such-program"})
	f.fails(errdefs.KindNotFound, f.eng.Job("exec_start", missing))
	if n := code(t, f.execInspect(missing)); n != 127 {
		t.Errorf("exit code %d of a missing program", n)
	}
	waiting := f.exec("box", []string{"true"})
	f.run("pause", "box")
	f.fails(errdefs.KindConflict, f.eng.Job("exec_start", waiting))
	if err := cmd("box", `["true"]`); errdefs.KindOf(err) != errdefs.KindConflict || !strings.Contains(err.Error(), "is paused, unpause the container before exec") {
		t.Errorf("exec in a paused container: %v", err)
	}
	f.run("unpause", "box")
	running := f.exec("box", []string{"sleep", "100"})
	if err := env(f.eng.Job("exec_start", running), "Detach", "1").Run(); err != nil {
		t.Fatal(err)
	}
	f.run("kill", "box")
	eventually(t, "the end of an exec with its container", func() bool {
		i := f.execInspect(running)
		return !i.Running && i.ExitCode != nil
	})
	eventually(t, "the end of one that never ran", func() bool {
		return errdefs.KindOf(f.eng.Job("exec_inspect", waiting).Run()) == errdefs.KindNotFound
	})
	f.run("rm", "box")
	if n := code(t, f.execInspect(running)); n != 137 { // whoever waited for it may ask a moment later
		t.Errorf("exit code %d of one that ended with its container", n)
	}
	f.empty()
}
