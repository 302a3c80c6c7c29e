package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// board holds the engines under test and prints what they scored.
type board struct {
	cfg     *config
	out     io.Writer
	engines []engine // ours first
	rows    []*row   // what was measured
}

// engine is one implementation on the machine.
type engine interface {
	name() string
	open(ctx context.Context) error // makes and starts everything; close is called even when it fails
	close()
	start(ctx context.Context) (time.Duration, error) // restarts the daemon; how long until it serves
	crash(ctx context.Context) (time.Duration, error) // kills the daemon and starts the next; how long until it serves
	run(ctx context.Context, network string) error    // run --rm busybox true; network is none, bridge or port
	socket() string                                   // of the HTTP API; "" without one
	cli(args ...string) []string                      // command line of its client; nil without one
	pids() []int                                      // of its own processes, containers' excluded
}

func (b *board) open(ctx context.Context) error {
	all := []engine{newOurs(b.cfg), newDockerd(b.cfg), newPodman(b.cfg), newRunc(b.cfg)}
	for _, e := range all {
		if e == nil || e.name() != "ours" && !b.cfg.peers[e.name()] {
			continue
		}
		b.engines = append(b.engines, e)
		if err := e.open(ctx); err != nil {
			if e.name() == "ours" {
				b.close()
				return err
			}
			fmt.Fprintf(b.out, "%s is left out: %v\n", e.name(), err)
			e.close()
			b.engines = b.engines[:len(b.engines)-1]
		}
	}
	return nil
}

func (b *board) close() {
	for _, e := range b.engines {
		e.close()
	}
}

func (b *board) names() string {
	names := make([]string, len(b.engines))
	for i, e := range b.engines {
		names[i] = e.name()
	}
	return strings.Join(names, ", ")
}

// alternate takes the samples of a row, one of each engine per round, so that
// what else happens on the machine meets all of them alike. A measurement that
// gives a negative number does not exist for that engine.
func (b *board) alternate(ctx context.Context, name, unit string, rounds int, goal target, measure func(engine) (float64, error)) error {
	return b.beside(ctx, name, unit, rounds, goal, measure, "", nil)
}

// beside measures what no engine can be better than as well, in turns with them.
func (b *board) beside(
	ctx context.Context, name, unit string, rounds int, goal target, measure func(engine) (float64, error), floor string, bare func() (float64, error),
) error {
	r := row{name: name, unit: unit, goal: goal, values: map[string][]float64{}}
	warm := 1
	if rounds == 1 {
		warm = 0 // a number, not a time
	}
	for round := range rounds + warm {
		for _, e := range b.engines {
			if err := ctx.Err(); err != nil {
				return err
			}
			value, err := measure(e)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", name, e.name(), err)
			}
			if value >= 0 && round >= warm { // the first round warms up
				r.values[e.name()] = append(r.values[e.name()], value)
			}
		}
		if bare == nil {
			continue
		}
		value, err := bare()
		if err != nil {
			return fmt.Errorf("%s: %s: %w", name, floor, err)
		}
		if round >= warm {
			r.values[floor] = append(r.values[floor], value)
		}
	}
	b.print(r)
	return nil
}

func (b *board) print(r row) {
	b.rows = append(b.rows, &r)
	var line bytes.Buffer
	fmt.Fprintf(&line, "%-44s", r.name)
	for _, e := range b.engines {
		values := r.values[e.name()]
		if len(values) == 0 {
			continue
		}
		fmt.Fprintf(&line, "  %s %s", e.name(), amount(median(values), r.unit))
		if x := r.ratio(e.name()); e.name() != "ours" && x > 0 {
			fmt.Fprintf(&line, " (%.1f×)", x)
		}
	}
	for _, name := range b.others(&r) {
		fmt.Fprintf(&line, "  %s %s", name, amount(median(r.values[name]), r.unit))
		if x := r.ratio(name); x > 0 {
			fmt.Fprintf(&line, " (%.1f×)", x)
		}
	}
	if v := r.verdict(); v != "" {
		fmt.Fprintf(&line, "  [%s: %s]", r.wanted(), v)
	}
	fmt.Fprintln(b.out, line.String())
}

// others are what was measured of a row beside the engines: another client or a
// plain program.
func (b *board) others(r *row) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.values)), func(name string) bool {
		return slices.ContainsFunc(b.engines, func(e engine) bool { return e.name() == name })
	})
}

func amount(v float64, unit string) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f %s", v, unit)
	case v < 100:
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// timed gives the milliseconds that f took.
func timed(f func() error) (float64, error) {
	began := time.Now()
	err := f()
	return float64(time.Since(began).Microseconds()) / 1000, err
}

// pss sums the proportional set size of processes, in KiB. Each process's
// memory is its share of the pages that it has in common with others.
func pss(pids []int) (float64, error) {
	total := 0.0
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(text)) {
			var kib float64
			if n, _ := fmt.Sscanf(line, "Pss: %f kB", &kib); n == 1 {
				total += kib
			}
		}
	}
	return total, nil
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown kernel"
	}
	return "Linux " + unix.ByteSliceToString(u.Release[:])
}

func cores() int { return runtime.NumCPU() }
