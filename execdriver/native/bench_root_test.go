package native

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/execdriver"
)

// BenchmarkStart measures a start to the exec of the workload and the whole life
// of "true", and prints the median end of each phase.
func BenchmarkStart(b *testing.B) {
	for _, variant := range []struct {
		name string
		edit func(*execdriver.Command)
	}{
		{"default", func(*execdriver.Command) {}},
		{"no-seccomp", func(c *execdriver.Command) { c.Security.Seccomp = "unconfined" }},
		{"host-net", func(c *execdriver.Command) { c.Namespaces.Net = "host" }},
	} {
		b.Run(variant.name, func(b *testing.B) { benchStart(b, variant.edit) })
	}
}

func benchStart(b *testing.B, edit func(*execdriver.Command)) {
	env := newBench(b)
	var mu sync.Mutex
	phases := map[string][]time.Duration{}
	var order []string
	env.opt.Timings = func(_ string, list []Phase) {
		mu.Lock()
		defer mu.Unlock()
		for _, p := range list {
			if phases[p.Name] == nil {
				order = append(order, p.Name)
			}
			phases[p.Name] = append(phases[p.Name], p.At)
		}
	}
	d := env.open()
	exits := make(chan execdriver.Exit, 1)
	d.OnExit(func(e execdriver.Exit) { exits <- e })
	if _, err := d.Restore(b.Context()); err != nil {
		b.Fatal(err)
	}
	var starts, lives []time.Duration
	n := 0
	for b.Loop() {
		cmd := env.command("true")
		cmd.ID = fmt.Sprint("bench", n)
		n++
		edit(cmd)
		begin := time.Now()
		if _, err := d.Start(b.Context(), cmd, execdriver.Output{}); err != nil {
			b.Fatal(err)
		}
		starts = append(starts, time.Since(begin))
		<-exits
		lives = append(lives, time.Since(begin))
		if err := d.Remove(b.Context(), cmd.ID); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(ms(median(starts)), "start-ms")
	b.ReportMetric(ms(median(lives)), "life-ms")
	var table strings.Builder
	for _, name := range order {
		m := median(phases[name])
		fmt.Fprintf(&table, "\n%-16s best %6.2f median %6.2f ms", name, ms(phases[name][0]), ms(m))
	}
	if b.N > 1 {
		fmt.Fprintf(os.Stderr, "%s:%s\n", b.Name(), table.String()) // b.Log shows ten lines
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}
