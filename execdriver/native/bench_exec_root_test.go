package native

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver"
)

// BenchmarkExec measures "true" in a running container, to its exec and to
// OnExit: one after the other with the median end of each phase, and eight at
// once.
func BenchmarkExec(b *testing.B) {
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
	exits := map[string]chan struct{}{}
	d.OnExit(func(e execdriver.Exit) {
		mu.Lock()
		defer mu.Unlock()
		if c := exits[e.ID]; c != nil {
			close(c)
			delete(exits, e.ID)
		}
	})
	box := env.command("sleep", "1000")
	if _, err := d.Start(b.Context(), box, execdriver.Output{}); err != nil {
		b.Fatal(err)
	}
	clear(phases)
	order = nil
	number := 0
	one := func() (start, life time.Duration) {
		mu.Lock()
		number++
		cmd := &execdriver.ExecCommand{ID: fmt.Sprint("exec", number), Container: box.ID, Process: box.Process, Security: box.Security}
		end := make(chan struct{})
		exits[cmd.ID] = end
		mu.Unlock()
		cmd.Process.Args = []string{"true"}
		r, w, err := os.Pipe()
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		begin := time.Now()
		if _, err := d.Exec(b.Context(), cmd, execdriver.Output{Stdout: w}); err != nil {
			b.Fatal(err)
		}
		start = time.Since(begin)
		<-end
		return start, time.Since(begin)
	}
	b.Run("single", func(b *testing.B) {
		var starts, lives []time.Duration
		for b.Loop() {
			start, life := one()
			starts, lives = append(starts, start), append(lives, life)
		}
		b.ReportMetric(ms(median(starts)), "start-ms")
		b.ReportMetric(ms(median(lives)), "life-ms")
		var table strings.Builder
		for _, name := range order {
			m := median(phases[name])
			fmt.Fprintf(&table, "\n%-16s best %6.2f median %6.2f ms", name, ms(phases[name][0]), ms(m))
		}
		fmt.Fprintf(os.Stderr, "%s:%s\n", b.Name(), table.String())
	})
	b.Run("eight", func(b *testing.B) {
		var all sync.WaitGroup
		begin := time.Now()
		for range 8 {
			all.Go(func() {
				for range b.N {
					one()
				}
			})
		}
		all.Wait()
		b.ReportMetric(float64(8*b.N)/time.Since(begin).Seconds(), "execs/s")
	})
	if err := d.Signal(b.Context(), box.ID, int(unix.SIGKILL)); err != nil {
		b.Fatal(err)
	}
}
