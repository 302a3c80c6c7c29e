package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
)

func (f *fixture) oneStats(name string, pairs ...string) *api.Stats {
	f.t.Helper()
	out, err := env(f.eng.Job("container_stats", name), append(pairs, "stream", "0")...).Output()
	if err != nil {
		f.t.Fatal(err)
	}
	var s api.Stats
	if err := json.Unmarshal(out, &s); err != nil {
		f.t.Fatalf("%s: %v", out, err)
	}
	return &s
}

// watchStats runs container_stats until stop is called, and passes samples on.
func (f *fixture) watchStats(name string, pairs ...string) (samples <-chan api.Stats, over <-chan error, stop func()) {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	r, w := io.Pipe()
	job := env(f.eng.Job("container_stats", name), pairs...).SetContext(ctx)
	job.Stdout.Add(w)
	lines, ended := make(chan api.Stats, 100), make(chan error, 1)
	go func() {
		err := job.Run()
		w.Close()
		ended <- err
	}()
	go func() {
		for dec := json.NewDecoder(r); ; {
			var s api.Stats
			if dec.Decode(&s) != nil {
				close(lines)
				return
			}
			lines <- s
		}
	}()
	f.t.Cleanup(cancel)
	return lines, ended, cancel
}

// soon receives within a time that is never needed.
func soon[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing comes")
	}
	return v
}

func TestStatsOnce(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("container_stats", "nobody"))
	id := f.create("box", "sleep 60")
	if s := f.oneStats("box"); s.Id != id || s.Name != "/box" || !s.Read.IsZero() || s.PidsStats.Current != 0 {
		t.Errorf("of one that never ran: %+v", s)
	}
	f.run("start", "box")
	if s := f.oneStats("box", "one_shot", "1"); s.PidsStats.Current != 1 || s.CPUStats.OnlineCPUs != uint32(runtime.NumCPU()) ||
		s.CPUStats.SystemUsage == 0 || s.PreCPUStats.SystemUsage != 0 || s.MemoryStats.Limit != uint64(f.host.memory) {
		t.Errorf("one shot: %+v", s)
	}
	s := f.oneStats("box")
	used, system := s.CPUStats.CPUUsage.Total-s.PreCPUStats.CPUUsage.Total, s.CPUStats.SystemUsage-s.PreCPUStats.SystemUsage
	if used < uint64(300*time.Millisecond) || used > uint64(2*time.Second) || s.PreCPUStats.SystemUsage == 0 || system == 0 {
		t.Errorf("the second of two: %d of %d; %+v", used, system, s)
	}
	if d := s.Read.Sub(s.PreRead); d < samplePeriod/2 || d > 3*samplePeriod {
		t.Errorf("they are %v apart", d)
	}
}

// TestStatsStream: watchers come and go, the container stops, starts and goes.
func TestStatsStream(t *testing.T) {
	f := setup(t)
	f.create("box", "sleep 60")
	samples, over, _ := f.watchStats("box")
	told, _, _ := f.watchStats("box", "stopped", "1")
	if s := soon(t, told); s.Name != "/box" || !s.Read.IsZero() {
		t.Errorf("of a stopped one: %+v", s)
	}
	f.run("start", "box")
	first := soon(t, samples)
	if first.PidsStats.Current != 1 {
		t.Errorf("%+v", first)
	}
	late, lateOver, stop := f.watchStats("box")
	soon(t, late)
	f.samplers.mu.Lock()
	if n := len(f.samplers.byID); n != 1 {
		t.Errorf("%d samplers for one container", n)
	}
	f.samplers.mu.Unlock()
	stop()
	if err := soon(t, lateOver); !errors.Is(err, context.Canceled) {
		t.Errorf("a watcher that leaves: %v", err)
	}
	if second := soon(t, samples); second.PreCPUStats.SystemUsage == 0 {
		t.Errorf("without the sample before: %+v", second)
	}
	if err := env(f.eng.Job("rm", "box"), "forceRemove", "1").Run(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-over:
		if err != nil {
			t.Errorf("the stream of one that was removed: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the stream goes on")
	}
	for range samples {
	}
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		f.samplers.mu.Lock()
		n := len(f.samplers.byID)
		f.samplers.mu.Unlock()
		if n == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d samplers are left", n)
		}
	}
}

// TestStatsSlowWatcher: one who does not read keeps nobody waiting.
func TestStatsSlowWatcher(t *testing.T) {
	f := setup(t)
	f.create("box", "sleep 60")
	f.run("start", "box")
	r, w := io.Pipe()
	defer r.Close()
	stuck := f.eng.Job("container_stats", "box").SetContext(t.Context())
	stuck.Stdout.Add(w)
	done := make(chan struct{})
	go func() { _ = stuck.Run(); close(done) }()
	samples, _, _ := f.watchStats("box")
	soon(t, samples)
	soon(t, samples)
	r.Close() // its writer gives up
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("it does not end")
	}
}

func TestHostCPU(t *testing.T) {
	total, online := hostCPU("/proc/stat")
	if total == 0 || online == 0 {
		t.Error(total, online)
	}
	if total, online := hostCPU("/no/such"); total != 0 || online != 0 {
		t.Error(total, online)
	}
	all := interfaces("/proc/self/net/dev")
	if _, ok := all["lo"]; ok {
		t.Error("the loopback is counted")
	}
	if strings.Contains(strings.Join(keys(all), " "), "face") {
		t.Errorf("%v", all)
	}
}

func keys(m map[string]api.NetworkStats) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	return list
}
