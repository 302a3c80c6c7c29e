package null_test

import (
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/networkdriver/nettest"
	"github.com/enginejobs/docker/networkdriver/null"
)

func TestSuite(t *testing.T) {
	nettest.Run(t, func(t testing.TB, eng *engine.Engine, _ map[string]string) {
		if err := null.Install(eng); err != nil {
			t.Fatal(err)
		}
	})
}
