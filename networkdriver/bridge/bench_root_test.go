//go:build linux

package bridge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/enginejobs/docker/networkdriver/nettest"
)

// BenchmarkJobs measures what the start and the end of a container wait for,
// job by job, as medians. Between containers there is a pause, as there is
// between real ones: for the kernel to clear up, and for the pool to refill.
func BenchmarkJobs(b *testing.B) {
	for _, warm := range []string{"0", "3"} {
		b.Run("warm="+warm, func(b *testing.B) {
			eng := start(b, map[string]string{"WarmSandboxes": warm})
			took := map[string][]time.Duration{}
			measure := func(name string, f func() error) {
				begin := time.Now()
				if err := f(); err != nil {
					b.Fatal(err)
				}
				took[name] = append(took[name], time.Since(begin))
			}
			for i := range b.N {
				id := fmt.Sprint(i)
				time.Sleep(50 * time.Millisecond)
				measure("allocate_interface", func() error { _, err := nettest.Allocate(eng, id, nil); return err })
				measure("allocate_port", func() error {
					_, err := nettest.Publish(eng, id, map[string]string{"ContainerPort": "80"})
					return err
				})
				measure("release_interface", eng.Job("release_interface", id).Run)
			}
			for name, list := range took {
				slices.Sort(list)
				b.ReportMetric(float64(list[len(list)/2].Nanoseconds())/1e6, "ms/"+name)
			}
		})
	}
}

// BenchmarkChurn starts and ends containers without a pause, which shows what
// the kernel's clearing up costs those that start meanwhile.
func BenchmarkChurn(b *testing.B) {
	for _, warm := range []string{"0", "3"} {
		b.Run("warm="+warm, func(b *testing.B) {
			eng := start(b, map[string]string{"WarmSandboxes": warm})
			for b.Loop() {
				nettest.MustAllocate(b, eng, "c")
				if err := eng.Job("release_interface", "c").Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
