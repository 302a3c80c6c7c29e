package daemon

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestExecCreate(t *testing.T) {
	f := setup(t)
	id := f.create("box", "sleep 100")
	f.run("start", "box")
	f.events.take()
	made := f.exec("box", []string{"ls", "-l"})
	if len(made) != 64 || made == id {
		t.Errorf("id %q", made)
	}
	if text := f.events.take(); text != "exec_create: ls -l" {
		t.Errorf("events %q", text)
	}
	// The classic name is the same job.
	out, err := env(f.eng.Job("execCreate", "box"), "Cmd", `["true"]`, "Container", "box").Output()
	if err != nil || len(strings.TrimSpace(string(out))) != 64 {
		t.Errorf("execCreate: %q, %v", out, err)
	}
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("exec_create", "box"), "Cmd", `["a\u0000b"]`))
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("exec_create", "box"), "Cmd", `[""]`))
	f.fails(errdefs.KindNotFound, env(f.eng.Job("exec_create", "nobody"), "Cmd", `["true"]`))
}
