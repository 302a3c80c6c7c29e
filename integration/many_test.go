package integration

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// Many containers: what they cost stays linear.

var (
	manyRunning = flag.Int("many.running", 100, "running containers of TestMany; 1000 in soak")
	manyStopped = flag.Int("many.stopped", 500, "stopped containers of TestMany; 5000 in soak")
)

// each does something for n things, so many at once, and gives how many that is
// in a second.
func each(t *testing.T, at, n int, do func(i int) error) float64 {
	t.Helper()
	var all sync.WaitGroup
	began := time.Now()
	for w := range at {
		all.Go(func() {
			for i := w; i < n; i += at {
				if err := do(i); err != nil {
					t.Errorf("number %d: %v", i, err)
					return
				}
			}
		})
	}
	all.Wait()
	return float64(n) / time.Since(began).Seconds()
}

func createBox(ctx context.Context, api *caller, name string, cmd ...string) (string, error) {
	var made struct{ ID string }
	body := map[string]any{"Image": "busybox", "Cmd": cmd, "HostConfig": map[string]any{"NetworkMode": "none"}}
	err := api.call(ctx, "POST", "/containers/create?name="+name, body, &made)
	return made.ID, err
}

// TestParallelStartsDoNotConvoy: two hundred at once are started at the rate of
// one after the other, at least.
func TestParallelStartsDoNotConvoy(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true})
	api := newCaller(d)
	const n = 200
	ids := make([]string, n)
	start := func(i int) error { return api.call(t.Context(), "POST", "/containers/"+ids[i]+"/start", nil, nil) }
	run := func(at int) float64 {
		each(t, 4, n, func(i int) (err error) {
			ids[i], err = createBox(t.Context(), api, fmt.Sprintf("at%d-%d", at, i), "sleep", "1000")
			return err
		})
		rate := each(t, at, n, start)
		each(t, 4, n, func(i int) error { return api.call(t.Context(), "DELETE", "/containers/"+ids[i]+"?force=1", nil, nil) })
		return rate
	}
	one, all := run(1), run(n)
	t.Logf("starts in a second: %.0f one after the other, %.0f all at once", one, all)
	if all < one*0.8 { // the noise of a busy machine
		t.Errorf("%d at once are started at %.0f/s, one after the other at %.0f/s", n, all, one)
	}
}

// TestMany fills a daemon and asks what everybody asks.
func TestMany(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true})
	api := newCaller(d)
	few := measureMany(t, d, api, "few", 10, 50)
	many := measureMany(t, d, api, "many", *manyRunning, *manyStopped)
	times := float64(*manyRunning+*manyStopped) / 60
	for name, before := range few {
		// Linear, with what a busy machine adds.
		if limit := before*times*2 + 50; many[name] > limit {
			t.Errorf("%s: %.1f with few, %.1f with %.0f times as many", name, before, many[name], times)
		}
	}
}

// measureMany makes containers until there are so many and gives what they cost:
// milliseconds, and KiB of memory for each that runs.
func measureMany(t *testing.T, d *daemonproc.Daemon, api *caller, kind string, running, stopped int) map[string]float64 {
	t.Helper()
	ctx := t.Context()
	memory := func() (bytes int) {
		for _, pid := range d.OwnProcesses() {
			bytes += resident(t, pid)
		}
		return bytes
	}
	each(t, 4, stopped, func(i int) error {
		_, err := createBox(ctx, api, fmt.Sprintf("%s-stopped%d", kind, i), "true")
		return err
	})
	before := memory()
	rate := each(t, 4, running, func(i int) error {
		id, err := createBox(ctx, api, fmt.Sprintf("%s-running%d", kind, i), "sleep", "10000")
		if err != nil {
			return err
		}
		return api.call(ctx, "POST", "/containers/"+id+"/start", nil, nil)
	})
	took := map[string]float64{}
	least := func(name string, do func() error) {
		for range 5 {
			began := time.Now()
			if err := do(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			ms := float64(time.Since(began).Microseconds()) / 1000
			if old, ok := took[name]; !ok || ms < old {
				took[name] = ms
			}
		}
	}
	each := float64(memory()-before) / 1024 / float64(running)
	least("list", func() error { return api.call(ctx, "GET", "/containers/json", nil, nil) })
	least("list all", func() error { return api.call(ctx, "GET", "/containers/json?all=1", nil, nil) })
	least("info", func() error { return api.call(ctx, "GET", "/info", nil, nil) })
	least("start", func() error {
		id, err := createBox(ctx, api, "", "true")
		if err == nil {
			err = api.call(ctx, "POST", "/containers/"+id+"/start", nil, nil)
		}
		if err != nil {
			return err
		}
		return api.call(ctx, "DELETE", "/containers/"+id+"?force=1", nil, nil)
	})
	least("kill -9 and serving", func() error {
		if err := d.Kill9(); err != nil {
			return err
		}
		return d.Start()
	})
	var list []struct{ State string }
	if err := api.call(ctx, "GET", "/containers/json", nil, &list); err != nil || len(list) < running {
		t.Errorf("%d run of %d: %v", len(list), running, err)
	}
	t.Logf("%d running and %d stopped: create and start %.0f/s, resident %.0f KiB for each running, ms: %v", running, stopped, rate, each, took)
	return took
}
