package embed_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/server/daemontest"
)

// visit is a run of jobs that somebody found worth keeping: a bug that was
// reported, a conversation with another program.
func visit(t *testing.T, eng *engine.Engine) {
	t.Helper()
	create := eng.Job("create", "web")
	if err := create.SetenvJson("Config", map[string]any{"Image": "box", "Cmd": []string{"sleep", "1000"}}); err != nil {
		t.Fatal(err)
	}
	var created struct{ ID string }
	if err := create.OutputJSON(&created); err != nil {
		t.Fatal(err)
	}
	for _, job := range []*engine.Job{
		eng.Job("start", created.ID), eng.Job("pause", created.ID), eng.Job("unpause", created.ID),
		eng.Job("kill", created.ID), eng.Job("wait", created.ID),
	} {
		enginetest.MustRun(t, job)
	}
	if r := enginetest.Run(eng.Job("start", "nobody")); r.Err == nil {
		t.Error("nobody was started")
	}
}

// UPDATE_GOLDEN=1 records the visit; every other run replays it on a new daemon.
// Its ids differ from those of then, and Replay knows which stands for which.
func TestReplay(t *testing.T) {
	t.Parallel()
	const file = "testdata/visit.txtar"
	d := daemontest.New(t, daemontest.Fake())
	d.ImportBox(t)
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		var text bytes.Buffer
		recording := enginetest.Record(d.Engine(), &text, "create", "start", "pause", "unpause", "kill", "wait")
		visit(t, d.Engine())
		if err := recording.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	r := enginetest.Replayer{Secret: configuration}
	r.Run(t, d.Engine(), file)
}

// configuration is what the recording does not have: that of a container may
// hold passwords, so create declares it as secret.
func configuration(job, key string) string {
	return `{"Image":"box","Cmd":["sleep","1000"]}`
}

// The same recording answers in the place of a daemon: nothing is started, and
// whoever asks gets what was answered then.
func TestPlayback(t *testing.T) {
	eng := enginetest.NewParallel(t)
	player, err := enginetest.Playback(eng, "testdata/visit.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if r := enginetest.Run(eng.Job("start", "nobody")); r.Err == nil || r.Err.Error() == "" {
		t.Errorf("start nobody: %+v", r)
	}
	if left := player.Left(); len(left) != 6 {
		t.Errorf("left: %q", left)
	}
}
