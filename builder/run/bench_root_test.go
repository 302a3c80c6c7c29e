package run_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/server/daemontest"
)

// BenchmarkRunTrue is RUN true without the commit: made, run, removed. With -v it
// tells how long each job and phase took on average.
func BenchmarkRunTrue(b *testing.B) {
	for name, opts := range map[string][]daemontest.Option{"bridge": {daemontest.Bridge()}, "none": nil} {
		b.Run(name, func(b *testing.B) {
			r := realBench(b, opts...)
			for b.Loop() {
				_, res, err := r.try(b.Context(), "exit 0")
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Remove(b.Context(), res.Container); err != nil {
					b.Fatal(err)
				}
			}
			r.phases()
		})
	}
}

// BenchmarkStep is a whole RUN true: with the commit, each on the image of the one
// before, and the removal beside what follows.
func BenchmarkStep(b *testing.B) {
	for name, keep := range map[string]bool{"transient": false, "kept": true} {
		b.Run(name, func(b *testing.B) {
			r := realBench(b, daemontest.Bridge())
			last, removed := "box", make(chan error, 1)
			removed <- nil
			for b.Loop() {
				req := request("exit 0")
				req.Config.Image, req.Keep = last, keep
				res, err := r.Run(b.Context(), req)
				if err != nil {
					b.Fatal(err)
				}
				out, err := r.Engine().Job("commit", res.Container).Output()
				if err != nil {
					b.Fatal(err)
				}
				last = strings.TrimSpace(string(out))
				if err := <-removed; err != nil {
					b.Fatal(err)
				}
				go func() { removed <- r.Remove(b.Context(), res.Container) }()
			}
			if err := <-removed; err != nil {
				b.Fatal(err)
			}
			r.phases()
		})
	}
}

// phases logs the mean of all that was done lately.
func (b *bench) phases() {
	type sum struct {
		n     int
		total time.Duration
	}
	sums := map[string]*sum{}
	count := func(name string, d time.Duration) {
		if sums[name] == nil {
			sums[name] = &sum{}
		}
		sums[name].n++
		sums[name].total += d
	}
	for _, rec := range b.Engine().Recent(1000) {
		count(rec.Name, rec.Duration)
		for _, p := range rec.Phases {
			count(rec.Name+"."+p.Name, p.Duration)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		b.t.Logf("%-32s %5d × %v", name, sums[name].n, (sums[name].total / time.Duration(sums[name].n)).Round(time.Microsecond))
	}
}
