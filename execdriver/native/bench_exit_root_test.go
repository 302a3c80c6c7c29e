package native

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/pkg/mount"
)

// BenchmarkExit measures from the death of a workload on an overlay to OnExit,
// and to the end of Remove.
func BenchmarkExit(b *testing.B) {
	env := newBench(b)
	d := env.open()
	exits := make(chan time.Time, 1)
	d.OnExit(func(execdriver.Exit) { exits <- time.Now() })
	if _, err := d.Restore(b.Context()); err != nil {
		b.Fatal(err)
	}
	var ends, removes []time.Duration
	for i := 0; b.Loop(); i++ {
		dir := filepath.Join(env.dir, fmt.Sprint("layer", i))
		for _, sub := range []string{"up", "work"} {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
				b.Fatal(err)
			}
		}
		cmd := env.command("sleep", "100")
		cmd.ID = fmt.Sprint("exit", i)
		cmd.Root = []mount.Mount{{Type: "overlay", Source: "overlay", Options: []string{
			"lowerdir=" + env.root, "upperdir=" + dir + "/up", "workdir=" + dir + "/work",
		}}}
		if _, err := d.Start(b.Context(), cmd, execdriver.Output{}); err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		if err := d.Signal(b.Context(), cmd.ID, int(unix.SIGKILL)); err != nil {
			b.Fatal(err)
		}
		ends = append(ends, (<-exits).Sub(begin))
		if err := d.Remove(b.Context(), cmd.ID); err != nil {
			b.Fatal(err)
		}
		removes = append(removes, time.Since(begin))
	}
	b.ReportMetric(ms(median(ends)), "exit-ms")
	b.ReportMetric(ms(median(removes)), "remove-ms")
}
