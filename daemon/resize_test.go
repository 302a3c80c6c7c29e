package daemon

import (
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/runconfig"
)

func TestResize(t *testing.T) {
	f := setup(t)
	id := f.create("tty", "sleep 60", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.Tty = true })
	f.fails(errdefs.KindNotFound, f.eng.Job("resize", "nobody", "1", "2"))
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("resize", "tty", "x", "2"))
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("resize", "tty", "1", "70000"))
	f.fails(errdefs.KindConflict, f.eng.Job("resize", "tty", "24", "80"))
	f.run("start", "tty")
	f.run("resize", "tty", "24", "80")
	if h, w := f.opt.Exec.(*fake.Driver).Size(id); h != 24 || w != 80 {
		t.Errorf("size %d x %d", h, w)
	}
	f.create("plain", "sleep 60")
	f.run("start", "plain")
	f.run("resize", "plain", "24", "80") // no terminal, no problem
}
