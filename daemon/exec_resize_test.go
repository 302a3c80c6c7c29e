package daemon

import (
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/fake"
)

func TestExecResize(t *testing.T) {
	f := setup(t)
	f.create("box", "sleep 100")
	f.run("start", "box")
	x := f.exec("box", []string{"sleep", "100"}, "Tty", "1", "ConsoleSize", "[24,80]")
	f.fails(errdefs.KindConflict, f.eng.Job("exec_resize", x, "30", "90")) // it does not run yet
	if err := env(f.eng.Job("exec_start", x), "Detach", "1").Run(); err != nil {
		t.Fatal(err)
	}
	d := f.opt.Exec.(*fake.Driver)
	if h, w := d.Size(x); h != 24 || w != 80 {
		t.Errorf("first size %d, %d", h, w)
	}
	f.run("exec_resize", x, "30", "90")
	if h, w := d.Size(x); h != 30 || w != 90 {
		t.Errorf("size %d, %d", h, w)
	}
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("exec_resize", x, "30", "x"))
	f.fails(errdefs.KindNotFound, f.eng.Job("execResize", "nothing", "1", "1"))
	plain := f.exec("box", []string{"sleep", "100"})
	if err := env(f.eng.Job("exec_start", plain), "Detach", "1").Run(); err != nil {
		t.Fatal(err)
	}
	f.run("exec_resize", plain, "30", "90") // without a terminal there is nothing to do
}
