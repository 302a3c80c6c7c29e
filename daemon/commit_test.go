package daemon

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestCommit(t *testing.T) {
	f := setup(t)
	id := f.create("box", "sleep 100", func(c *runconfig.Config, _ *runconfig.HostConfig) {
		c.Env, c.User, c.Hostname = []string{"A=1", "B=2"}, "nobody", "here"
	})
	f.run("start", "box")
	f.events.take()
	job := env(f.eng.Job("commit", "box"), "repo", "made", "tag", "v1", "comment", "why", "author", "me", "pause", "1",
		"changes", `["ENV B=3","CMD [\"x\"]"]`, "config", `{"Labels":{"k":"v"}}`)
	out, err := job.Output()
	if err != nil || !strings.HasPrefix(string(out), "sha256:cdcd") || !strings.HasSuffix(string(out), "\n") {
		t.Fatalf("%q, %v", out, err)
	}
	if got := f.events.take(); got != "pause unpause commit" {
		t.Errorf("events: %s", got)
	}
	c := f.images.commits[0]
	if c.Container != id || c.Repo != "made" || c.Tag != "v1" || c.Comment != "why" || c.Author != "me" || c.CreatedBy != "sh -c sleep 100" {
		t.Errorf("%+v", c)
	}
	if e := strings.Join(c.Config.Env, " "); !strings.Contains(e, "B=3") || !strings.Contains(e, "A=1") || strings.Contains(e, "B=2") {
		t.Errorf("env of the image: %s", e)
	}
	if c.Config.User != "nobody" || c.Config.Labels["k"] != "v" || c.Config.Cmd[0] != "x" || c.Config.Hostname != "" {
		t.Errorf("config of the image: %+v", c.Config)
	}

	// Whatever becomes of the commit, the container goes on.
	f.images.failCommit = errdefs.Internal("disk full")
	f.fails(errdefs.KindInternal, env(f.eng.Job("commit", "box"), "pause", "1"))
	f.images.failCommit = nil
	if s := f.inspect("box").State; s.Paused {
		t.Error("a failed commit leaves the container paused")
	}
	f.events.take()
	if err := f.eng.Job("commit", "box").Run(); err != nil {
		t.Fatal(err)
	}
	if got := f.events.take(); got != "commit" {
		t.Errorf("events without pause: %s", got)
	}
	// One that was paused before stays so.
	f.run("pause", "box")
	if err := env(f.eng.Job("commit", "box"), "pause", "1").Run(); err != nil || !f.inspect("box").State.Paused {
		t.Errorf("commit of a paused container: %v", err)
	}
	f.fails(errdefs.KindNotFound, f.eng.Job("commit", "nobody"))
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("commit", "box"), "changes", `["NONSENSE x"]`))
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("commit", "box"), "repo", "r", "tag", "bad tag"))
	if n := len(f.images.commits); n != 4 {
		t.Errorf("%d commits reached the images", n)
	}
}
