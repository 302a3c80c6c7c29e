package daemon

import (
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestExecInspect(t *testing.T) {
	f := setup(t)
	id := f.create("box", "sleep 100")
	f.run("start", "box")
	x := f.exec("box", []string{"sh", "-c", "exit 3"}, "AttachStdin", "1", "User", "1000", "Privileged", "1", "Tty", "1")
	i := f.execInspect(x)
	if i.ID != x || i.ContainerID != id || i.Running || i.ExitCode != nil || !i.OpenStdin || !i.OpenStdout || !i.OpenStderr {
		t.Errorf("before the start: %+v", i)
	}
	if p := i.ProcessConfig; p.Entrypoint != "sh" || len(p.Arguments) != 2 || !p.Tty || p.User != "1000" {
		t.Errorf("process: %+v", p)
	}
	f.execStart(x, "")
	if i := f.execInspect(x); i.Running || code(t, i) != 3 || i.Pid != 0 {
		t.Errorf("after its end: %+v", i)
	}
	f.fails(errdefs.KindNotFound, f.eng.Job("exec_inspect", x[:12])) // ids are given whole
	f.fails(errdefs.KindNotFound, f.eng.Job("execInspect", "nothing"))
}
