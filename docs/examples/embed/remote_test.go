package embed_test

import (
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/server/daemontest"
)

// The same recording against an engine elsewhere: the catch-all of an empty
// engine sends every job there, and the test does not notice.
func TestReplayElsewhere(t *testing.T) {
	t.Parallel()
	d := daemontest.New(t, daemontest.Fake())
	d.ImportBox(t)

	far, err := remote.Dial(t.Context(), d.Host())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Close() })
	eng := engine.NewEmpty()
	eng.RegisterCatchall(far.Handle)

	r := enginetest.Replayer{Secret: configuration}
	r.Run(t, eng, "testdata/visit.txtar")
}
