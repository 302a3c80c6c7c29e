package metrics_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/metrics"
	"github.com/enginejobs/docker/errdefs"
)

// setup makes an engine with the job metrics.
func setup(t testing.TB, collectors ...metrics.Collector) (*engine.Engine, *metrics.Registry) {
	t.Helper()
	eng := enginetest.New(t)
	reg := metrics.New(collectors...)
	if err := reg.Install(eng); err != nil {
		t.Fatal(err)
	}
	return eng, reg
}

// scrape runs the job and reads what it wrote as Prometheus does.
func scrape(t testing.TB, eng *engine.Engine) (map[string]*dto.MetricFamily, string) {
	t.Helper()
	r := enginetest.Run(eng.Job("metrics"))
	if r.Err != nil || r.Stderr != "" {
		t.Fatalf("metrics: %v %s", r.Err, r.Stderr)
	}
	return parse(t, []byte(r.Stdout)), r.Stdout
}

// find gives the sample of a family that has these labels, or nil.
func find(f *dto.MetricFamily, labels ...string) *dto.Metric {
	for _, m := range f.GetMetric() {
		ok := true
		for i := 0; i < len(labels); i += 2 {
			ok = ok && slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool {
				return l.GetName() == labels[i] && l.GetValue() == labels[i+1]
			})
		}
		if ok {
			return m
		}
	}
	return nil
}

// TestGolden compares a whole page with testdata/page.txt; UPDATE_GOLDEN=1
// writes it. Names and types in it are what dashboards stand on: changing them
// is an entry in the changelog.
func TestGolden(t *testing.T) {
	eng, reg := setup(t, metrics.Build("version", "1.2", "commit", "abc"))
	reg.Add(metrics.CollectorFunc(func(page *metrics.Page) {
		page.Gauge("containers", "Containers by state.").Add(2, "state", "running")
	}))
	clock := enginetest.NewClock()
	eng.SetClock(clock)
	if err := eng.Declare(engine.Declaration{
		Name: "start", Args: []engine.Arg{{Name: "CONTAINER"}}, Handler: func(job *engine.Job) error {
			if job.Args[0] == "none" {
				clock.Advance(10 * time.Microsecond)
				return errdefs.NotFound("no such container")
			}
			clock.Advance(3 * time.Millisecond)
			job.Phase("network")
			clock.Advance(2 * time.Second)
			job.Phase("launch")
			_, err := job.Stdout.Write([]byte("hello"))
			return err
		},
	}); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"web"}, {"db"}, {"none"}, {}} {
		_ = eng.Job("start", args...).Run()
	}
	_ = eng.Job("not-there").Run()
	_, text := scrape(t, eng)
	const golden = "testdata/page.txt"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("the page is\n%s\nwant\n%s", text, want)
	}
}

// TestMadeUpNamesMakeNoSeries: a client that asks for jobs that do not exist, or
// that go to a catch-all, adds to one series.
func TestMadeUpNamesMakeNoSeries(t *testing.T) {
	eng, _ := setup(t)
	for i := range 100 {
		_ = eng.Job(fmt.Sprintf("unknown-%d", i)).Run()
	}
	eng.RegisterCatchall(func(*engine.Job) error { return nil })
	for i := range 100 {
		_ = eng.Job(fmt.Sprintf("caught-%d", i)).Run()
	}
	got, text := scrape(t, eng)
	if strings.Contains(text, "unknown-") || strings.Contains(text, "caught-") {
		t.Errorf("a made-up name is in\n%s", text)
	}
	runs := got["engine_job_runs_total"]
	failed, ok := find(runs, "job", engine.OtherJobs, "result", "unknown_job"), find(runs, "job", engine.OtherJobs, "result", "ok")
	if failed.GetCounter().GetValue() != 100 || ok.GetCounter().GetValue() != 100 {
		t.Errorf("the others are %v and %v, want 100 of each, in\n%s", failed, ok, text)
	}
}

// TestProcess: the numbers of this process are plausible.
func TestProcess(t *testing.T) {
	eng, _ := setup(t, metrics.Process())
	first, text := scrape(t, eng)
	value := func(name string) float64 {
		m := find(first[name])
		return m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	if age := time.Since(time.Unix(int64(value("process_start_time_seconds")), 0)); age < 0 || age > time.Hour {
		t.Errorf("started %v ago", age)
	}
	if value("process_resident_memory_bytes") < 1<<20 || value("process_virtual_memory_bytes") < value("process_resident_memory_bytes") ||
		value("process_open_fds") < 3 || value("process_max_fds") < value("process_open_fds") || value("go_goroutines") < 2 {
		t.Errorf("the page is\n%s", text)
	}
	second, _ := scrape(t, eng)
	if a, b := find(first["process_start_time_seconds"]).String(), find(second["process_start_time_seconds"]).String(); a != b {
		t.Errorf("the start time moves: %s, %s", a, b)
	}
}

// TestMistakesAreTold: what a collector does wrong is on Stderr, the rest is
// shown.
func TestMistakesAreTold(t *testing.T) {
	eng, _ := setup(t, metrics.CollectorFunc(func(p *metrics.Page) { p.Gauge("not a name", "").Add(1) }))
	r := enginetest.Run(eng.Job("metrics"))
	if r.Err != nil || !strings.Contains(r.Stderr, `"not a name" is no name of a metric`) {
		t.Errorf("%v, stderr %q", r.Err, r.Stderr)
	}
	if parse(t, []byte(r.Stdout))["engine_jobs_running"] == nil {
		t.Errorf("the page is\n%s", r.Stdout)
	}
}

// busy makes an engine with as many jobs as a daemon has, all with numbers, six
// with phases; some of others run, and some wait for their turn.
func busy(t testing.TB) *engine.Engine {
	eng, _ := setup(t, metrics.Process())
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	for i := range 60 {
		if err := eng.Declare(engine.Declaration{Name: fmt.Sprintf("job_%d", i), Handler: func(job *engine.Job) error {
			for p := range 5 {
				if i < 6 {
					job.Phase(fmt.Sprintf("phase_%d", p))
				}
			}
			return nil
		}}, engine.Declaration{Name: fmt.Sprintf("stuck_%d", i), Changes: true, Handler: func(*engine.Job) error {
			<-stuck
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
	}
	eng.SetLimits(engine.Limits{Writes: 10, QueuePerClient: 100})
	for i := range 60 {
		for range 10 {
			if err := eng.Job(fmt.Sprintf("job_%d", i)).Run(); err != nil {
				t.Fatal(err)
			}
		}
		ctx := engine.WithCaller(context.Background(), &engine.Caller{Client: fmt.Sprintf("uid:%d", i%2)}) // two, for one may not hold all places
		go func() { _ = eng.Job(fmt.Sprintf("stuck_%d", i)).SetContext(ctx).Run() }()
	}
	return eng
}

// TestScrapeIsQuickAndWaitsForNobody: with writers stuck and others in line, a
// scrape takes less than a millisecond. Of some attempts the best counts, for
// other programs run on this machine too.
func TestScrapeIsQuickAndWaitsForNobody(t *testing.T) {
	eng := busy(t)
	best := time.Hour
	for range 50 {
		began := time.Now()
		if _, err := eng.Job("metrics").Output(); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(began))
	}
	if best > time.Millisecond && !raceDetector {
		t.Errorf("the quickest of 50 scrapes took %v", best)
	}
	got, _ := scrape(t, eng)
	if queued := find(got["engine_jobs_queued"]).GetGauge().GetValue(); queued != 50 {
		t.Errorf("%v jobs wait for their turn, want 50", queued)
	}
}

// TestScrapesAtOnce: jobs, scrapes and new collectors do not disturb each other.
func TestScrapesAtOnce(t *testing.T) {
	eng, reg := setup(t, metrics.Process())
	var h metrics.Histogram
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 25 {
				_ = eng.Job("commands").Run()
				h.Observe(time.Duration(j) * time.Millisecond)
				reg.Add(metrics.CollectorFunc(func(p *metrics.Page) {
					h.Show(p.Histogram("own_seconds", "Own."), "who", fmt.Sprint(i, j))
				}))
				if out, err := eng.Job("metrics").Output(); err != nil {
					t.Error(err)
				} else {
					parse(t, out)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkScrape(b *testing.B) {
	eng := busy(b)
	out, err := eng.Job("metrics").Output()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := eng.Job("metrics").Output(); err != nil {
			b.Fatal(err)
		}
	}
}
