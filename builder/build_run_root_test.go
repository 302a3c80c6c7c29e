package builder_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/pkg/testutil"
	"github.com/enginejobs/docker/server/daemontest"
)

// nativeDaemon has real containers of busybox.
func nativeDaemon(t testing.TB) *daemontest.Daemon {
	t.Helper()
	testutil.RequiresRoot(t)
	if _, err := os.Stat("/bin/busybox"); err != nil {
		t.Skip("there is no /bin/busybox (apt-get install busybox-static)")
	}
	d := daemontest.New(t, daemontest.Native(), daemontest.Bridge())
	d.ImportFiles(t, "box", map[string]string{"bin/sh": "/bin/busybox", "bin/busybox": "/bin/busybox"})
	return d
}

// BenchmarkRunTrue builds twenty commands that do nothing, without the cache. With
// -v it tells how long the jobs of a build take.
func BenchmarkRunTrue(b *testing.B) {
	eng := nativeDaemon(b).Engine()
	var file strings.Builder
	file.WriteString("FROM box\n")
	for i := range 20 {
		fmt.Fprintf(&file, "RUN exit 0 && %d\n", i)
	}
	for b.Loop() {
		job := eng.Job("build")
		job.SetenvBool("nocache", true)
		job.SetenvBool("rm", true)
		if err := job.Stdin.Add(strings.NewReader(file.String())); err != nil {
			b.Fatal(err)
		}
		if out, err := job.Output(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	total, count := map[string]time.Duration{}, map[string]int{}
	for _, rec := range eng.Recent(1000) {
		total[rec.Name] += rec.Duration
		count[rec.Name]++
		for _, p := range rec.Phases {
			name := rec.Name + "." + p.Name
			total[name] += p.Duration
			count[name]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(total)) {
		b.Logf("%-32s %5d × %v", name, count[name], (total[name] / time.Duration(count[name])).Round(time.Microsecond))
	}
}
