package native

import (
	"fmt"
	"os"
	"testing"

	"github.com/enginejobs/docker/execdriver"
)

// pss is the memory of a process in KiB, shared pages counted by their share.
func pss(t testing.TB, pid int) (kib int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range splitLines(string(b)) {
		if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Fatal("no Pss in smaps_rollup")
	return 0
}

func splitLines(s string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for start, i := 0, 0; i < len(s); i++ {
			if s[i] == '\n' {
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
	}
}

// TestMemoryPerContainer bounds what the exec engine costs.
func TestMemoryPerContainer(t *testing.T) {
	b := newBench(t)
	d := b.open()
	first := b.command("true")
	b.run(d, first)
	pid := engineOf(t, d)
	idle := pss(t, pid)
	const count = 40
	for i := range count {
		cmd := b.command("sh", "-c", "seq 1 2000; exec sleep 100")
		cmd.ID = fmt.Sprint("mem", i)
		cmd.Log = execdriver.LogSpec{Driver: "json-file", Path: b.dir + "/" + cmd.ID + ".log"}
		if _, err := d.Start(t.Context(), cmd, execdriver.Output{}); err != nil {
			t.Fatal(err)
		}
	}
	full := pss(t, pid)
	per := (full - idle) / count
	t.Logf("exec engine: %d KiB idle, %d KiB per container", idle, per)
	if idle > 8<<10 || per > 100 {
		t.Errorf("exec engine: %d KiB idle, %d KiB per container; the bounds are 8192 and 100", idle, per)
	}
}
