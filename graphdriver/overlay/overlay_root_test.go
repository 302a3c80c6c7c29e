//go:build linux

package overlay_test

import (
	"testing"

	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/overlay"
	"github.com/enginejobs/docker/pkg/testutil"
)

func open(t testing.TB, root string) graphdriver.Driver {
	d, err := overlay.New(overlay.Options{Root: root, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestContract(t *testing.T) {
	testutil.RequiresRoot(t)
	graphtest.Run(t, open)
}
