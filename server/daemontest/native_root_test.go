//go:build linux

package daemontest_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/pkg/testutil"
	"github.com/enginejobs/docker/server/daemontest"
)

func TestNativeDaemon(t *testing.T) {
	testutil.RequiresRoot(t)
	before := time.Now()
	d := daemontest.New(t, daemontest.Native())
	t.Logf("up after %v", time.Since(before))
	d.ImportBox(t)
	if out := life(t, d, "one"); out != "out\nerr\n" {
		t.Errorf("output %q", out)
	}
}

func TestNativeDaemonsInParallel(t *testing.T) {
	testutil.RequiresRoot(t)
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := daemontest.New(t, daemontest.Native(), daemontest.Bridge())
			d.ImportBox(t)
			if out := life(t, d, "same"); out != "out\nerr\n" {
				t.Errorf("output %q", out)
			}
		})
	}
}

func TestBridge(t *testing.T) {
	testutil.RequiresRoot(t)
	var bridge, dir string
	t.Run("daemon", func(t *testing.T) {
		d := daemontest.New(t, daemontest.Native(), daemontest.Bridge())
		bridge, _ = d.BridgeName()
		dir = d.Dir()
		d.ImportBox(t)
		run(t, d, "web", "sleep", "1000")
		out := enginetest.MustRun(t, d.Engine().Job("container_inspect", "web"))
		if _, subnet := d.BridgeName(); !strings.Contains(out, `"`+subnet+".") {
			t.Errorf("no address of %s in %s", subnet, out)
		}
	})
	if alias, err := os.ReadFile("/sys/class/net/" + bridge + "/ifalias"); err == nil && strings.Contains(string(alias), dir) {
		t.Errorf("bridge %s is left", bridge)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s: %v", dir, err)
	}
}

func TestNativeCrashes(t *testing.T) {
	testutil.RequiresRoot(t)
	for _, how := range []string{"panic", "test panic", "exit", "kill"} {
		t.Run(how, func(t *testing.T) { expectNothing(t, die(t, how, "native")) })
	}
}

func TestNativeSweepOfTheDead(t *testing.T) {
	testutil.RequiresRoot(t)
	sweepOfTheDead(t, "native")
}
