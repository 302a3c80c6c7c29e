package daemon

import (
	"slices"
	"testing"

	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/runconfig"
)

// A container that removes itself has a root that need not survive a power cut.
func TestCommand_RootOfAutoRemove(t *testing.T) {
	f := setup(t)
	var cmds []*execdriver.Command
	f.opt.Exec = f.world.Driver(fake.Options{FailStart: func(c *execdriver.Command) error { cmds = append(cmds, c); return nil }})
	f.opt.Exec.OnExit(f.exited)
	for _, once := range []bool{true, false} {
		name := map[bool]string{true: "once", false: "kept"}[once]
		f.create(name, "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.AutoRemove = once })
		f.run("start", name)
		root := cmds[len(cmds)-1].Root
		if got := slices.Contains(root[0].Options, "volatile"); got != once {
			t.Errorf("%s has the root %+v", name, root)
		}
	}
}
