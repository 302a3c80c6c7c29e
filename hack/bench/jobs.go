package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// benchNetworkJobs measures what the start and the end of a container wait for in its
// network, job by job, as the benchmark of the bridge driver does: without and with
// namespaces that are kept ready.
func benchNetworkJobs(ctx context.Context, b *board) error {
	times := strconv.Itoa(max(10, b.cfg.rounds))
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkJobs$", "-benchtime", times+"x", "-count", "3", "./networkdriver/bridge")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("benchmark of the bridge driver: %w: %s", err, out)
	}
	took := map[string][]float64{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || !strings.HasPrefix(fields[0], "BenchmarkJobs/") {
			continue
		}
		pool, _, _ := strings.Cut(strings.TrimPrefix(fields[0], "BenchmarkJobs/"), "-")
		for i, unit := range fields {
			if job, ok := strings.CutPrefix(unit, "ms/"); ok {
				ms, err := strconv.ParseFloat(fields[i-1], 64)
				if err != nil {
					return err
				}
				took[pool+" "+job] = append(took[pool+" "+job], ms)
			}
		}
	}
	for _, r := range []struct {
		name, key string
		most      float64
	}{
		{"network part of a start, pool off", "warm=0 allocate_interface", 2.5},
		{"network part of a start, pool on", "warm=3 allocate_interface", 0.5},
		{"publishing a port", "warm=0 allocate_port", 1},
		{"network part of a removal", "warm=0 release_interface", 0.5},
	} {
		if len(took[r.key]) == 0 {
			return fmt.Errorf("the benchmark of the bridge driver does not tell %s:\n%s", r.key, out)
		}
		b.print(row{name: r.name, unit: "ms", goal: target{most: r.most}, values: map[string][]float64{"ours": took[r.key]}})
	}
	return nil
}
