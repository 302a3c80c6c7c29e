package embed_test

import (
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"example.com/embed"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/server/daemontest"
)

// The third start fails, as it may on a busy host: what was started before is to
// be removed again.
func TestDeployUndoes(t *testing.T) {
	t.Parallel()
	d, cli := docker(t, daemontest.Fake())
	counter := enginetest.Count(d.Engine(), "create", "start", "rm")
	enginetest.FailNth(d.Engine(), "start", 3, errdefs.Unavailable("no memory left"))

	err := embed.Deploy(t.Context(), cli, "web", "box", 5, "sleep", "1000")
	if err == nil || !strings.Contains(err.Error(), "starting web-3") || !strings.Contains(err.Error(), "no memory left") {
		t.Errorf("got %v", err)
	}
	if found := names(t, cli); len(found) != 0 {
		t.Errorf("left: %q", found)
	}
	if counter.Of("create") != 3 || counter.Of("start") != 3 || counter.Of("rm") != 3 {
		t.Errorf("jobs: create %d, start %d, rm %d", counter.Of("create"), counter.Of("start"), counter.Of("rm"))
	}
}

// A pull that serves a fixture: the SDK's ImagePull reaches the job pull.
func TestPull(t *testing.T) {
	t.Parallel()
	d, cli := docker(t, daemontest.Fake())
	pull := enginetest.Fake(d.Engine(), "pull")
	pull.Stdout = `{"status":"Pulling from library/busybox","id":"1.37"}` + "\n" +
		`{"status":"Status: Downloaded newer image for busybox:1.37"}` + "\n"

	answer, err := cli.ImagePull(t.Context(), "busybox:1.37", client.ImagePullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if call := pull.Only(t); len(call.Args) == 0 || !strings.HasSuffix(call.Args[0], "busybox") {
		t.Errorf("pull saw %+v", call)
	}
	// A registry that is down, next time.
	pull.Err = errdefs.Unavailable("registry.example is down")
	answer, err = cli.ImagePull(t.Context(), "busybox:1.37", client.ImagePullOptions{})
	if err == nil {
		err = answer.Wait(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "is down") {
		t.Errorf("got %v", err)
	}
}
