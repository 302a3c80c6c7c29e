package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	enginebus "github.com/enginejobs/docker/engine"
)

// benchDispatch runs a job that does nothing, in this process.
func benchDispatch(_ context.Context, b *board) error {
	eng := enginebus.New()
	if err := eng.Register("nothing", func(*enginebus.Job) error { return nil }); err != nil {
		return err
	}
	var failed error
	result := testing.Benchmark(func(tb *testing.B) {
		tb.ReportAllocs()
		for tb.Loop() {
			if err := eng.Job("nothing").Run(); err != nil {
				failed = err
				return
			}
		}
	})
	if failed != nil {
		return failed
	}
	fmt.Fprintf(b.out, "%-44s  ours %d ns, %d allocations\n", "dispatch of a job in process", result.NsPerOp(), result.AllocsPerOp())
	return nil
}

// benchStart restarts the daemons. Their images stay.
func benchStart(ctx context.Context, b *board) error {
	return b.alternate(ctx, "daemon start to serving", "ms", min(b.cfg.rounds, 10), target{times: 6}, func(e engine) (float64, error) {
		took, err := e.start(ctx)
		if took < 0 {
			return -1, err // it has no daemon
		}
		return float64(took.Microseconds()) / 1000, err
	})
}

func benchIdle(ctx context.Context, b *board) error {
	return b.memory(ctx, "memory of fresh daemons (PSS)", target{})
}

// settle is how long the engines are left alone before the last look at them.
const settle = 15 * time.Second

func (b *board) memory(ctx context.Context, name string, goal target) error {
	return b.alternate(ctx, name, "KiB", 1, goal, func(e engine) (float64, error) {
		pids := e.pids()
		if len(pids) == 0 {
			return -1, nil
		}
		return pss(pids)
	})
}

func benchRun(ctx context.Context, b *board) error {
	for _, c := range []struct {
		network string
		goal    target
	}{{"none", target{times: 12}}, {"bridge", target{times: 10}}, {"port", target{times: 10}}} {
		name := map[string]string{"none": ", no network", "bridge": "", "port": ", published port"}[c.network]
		err := b.alternate(ctx, "run --rm busybox true"+name, "ms", b.cfg.rounds, c.goal, func(e engine) (float64, error) {
			if c.network != "none" && e.name() == "runc" {
				return -1, nil // it has none
			}
			return timed(func() error { return e.run(ctx, c.network) })
		})
		if err != nil {
			return err
		}
	}
	bare := *b.rows[len(b.rows)-3]
	bare.name, bare.goal = "run without network beside bare runc", target{peer: "runc", times: 1}
	b.print(bare)
	if b.cfg.official == "" {
		return nil
	}
	return b.alternate(ctx, "run --rm busybox true, official CLI for both", "ms", b.cfg.rounds, target{}, func(e engine) (float64, error) {
		if e.socket() == "" {
			return -1, nil
		}
		return timed(func() error {
			return command(ctx, append([]string{b.cfg.official, "-H", "unix://" + e.socket()}, runArgs("bridge")...))
		})
	})
}

// benchAPI lives the life of a container by HTTP on kept connections.
func benchAPI(ctx context.Context, b *board) error {
	clients := map[string]api{}
	for _, network := range []string{"bridge", "none"} {
		steps := []string{"create", "start", "wait", "remove", "sum"}
		took := map[string]map[string][]float64{}
		for _, step := range steps {
			took[step] = map[string][]float64{}
		}
		for round := range b.cfg.rounds + 1 {
			for _, e := range b.engines {
				if e.socket() == "" {
					continue
				}
				a, ok := clients[e.name()]
				if !ok {
					a = newAPI(e.socket())
					clients[e.name()] = a
				}
				times, err := a.life(ctx, network)
				if err != nil {
					return fmt.Errorf("%s: %w", e.name(), err)
				}
				for step, ms := range times {
					if round > 0 {
						took[step][e.name()] = append(took[step][e.name()], ms)
						took["sum"][e.name()] = appendSum(took["sum"][e.name()], round-1, ms)
					}
				}
			}
		}
		for _, step := range steps {
			r := row{name: fmt.Sprintf("API %s, network %s", step, network), unit: "ms", values: took[step]}
			if step == "sum" {
				r.goal = target{times: 15}
			}
			b.print(r)
		}
	}
	return nil
}

// appendSum adds to the sample of a round.
func appendSum(sums []float64, round int, ms float64) []float64 {
	if len(sums) <= round {
		sums = append(sums, 0)
	}
	sums[round] += ms
	return sums
}

func (a api) life(ctx context.Context, network string) (map[string]float64, error) {
	times := map[string]float64{}
	var id string
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"create", func() (err error) { id, err = a.create(ctx, network, "true"); return err }},
		{"start", func() error { return a.start(ctx, id) }},
		{"wait", func() error { return a.wait(ctx, id) }},
		{"remove", func() error { return a.remove(ctx, id) }},
	} {
		ms, err := timed(step.do)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		times[step.name] = ms
	}
	return times, nil
}

// benchPhases prints what the exec driver's own benchmark tells about the
// phases of a start.
func benchPhases(ctx context.Context, b *board) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "Phases|Start", "-benchtime", "50x", "./execdriver/native")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("benchmark of the exec driver: %w: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Benchmark") || strings.HasPrefix(line, "phase") {
			if _, err := io.WriteString(b.out, "  "+line); err != nil {
				return err
			}
		}
	}
	return nil
}

// benchMemory measures what running containers cost outside of their own
// processes, and the daemons after use. The first containers touch what an engine
// needs to start any, and it gets no time to give that back: the difference that
// the others make is theirs. For the daemons it looks when they have come to rest.
func benchMemory(ctx context.Context, b *board) error {
	const warm, containers = 20, 40
	r := row{name: "memory per running container (PSS)", unit: "KiB", goal: target{most: 60}, values: map[string][]float64{}}
	for _, e := range b.engines {
		if e.socket() == "" {
			continue
		}
		a := newAPI(e.socket())
		first, err := a.startMany(ctx, warm)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name(), err)
		}
		before, err := pss(e.pids())
		if err != nil {
			return err
		}
		more, err := a.startMany(ctx, containers)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name(), err)
		}
		after, err := pss(e.pids())
		if err != nil {
			return err
		}
		r.values[e.name()] = []float64{(after - before) / containers}
		for _, id := range slices.Concat(first, more) {
			if err := a.remove(ctx, id); err != nil {
				return fmt.Errorf("%s: %w", e.name(), err)
			}
		}
	}
	b.print(r)
	if err := rest(ctx); err != nil {
		return err
	}
	return b.memory(ctx, "memory of used daemons (PSS)", target{times: 4})
}

// startMany starts containers that do nothing.
func (a api) startMany(ctx context.Context, n int) (ids []string, err error) {
	for range n {
		id, err := a.create(ctx, "bridge", "sleep", "1000")
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
		if err := a.start(ctx, id); err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// rest leaves the engines alone for a while.
func rest(ctx context.Context) error {
	select {
	case <-time.After(settle):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
