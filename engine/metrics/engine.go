package metrics

import (
	"maps"
	"slices"

	"github.com/enginejobs/docker/engine"
)

// collectEngine shows what the bus itself counts. The values of the label job
// are the registered names, and engine.OtherJobs for all others together: a
// client that asks for names it makes up makes no series.
func collectEngine(page *Page, eng *engine.Engine) {
	s := eng.Stats()
	page.Gauge("engine_jobs_running", "Jobs that have started and not ended, with those that wait for their turn.").
		Add(float64(s.Running))
	page.Gauge("engine_jobs_queued", "Jobs that wait for their turn.").Add(float64(s.Queued))
	page.Gauge("engine_jobs_overdue", "Running jobs that ignored a cancel beyond the grace period.").Add(float64(s.Overdue))
	page.Counter("engine_jobs_refused_total", "Jobs turned away because the queue of their client was full.").
		Add(float64(s.Refused))
	page.Gauge("engine_trace_subscribers", "Subscribers to the records of jobs.").Add(float64(s.Subscribers))
	page.Counter("engine_trace_dropped_total", "Records that slow subscribers lost.").Add(float64(s.Dropped))

	runs := page.Counter("engine_job_runs_total", "Jobs that have ended, by name and result: ok, or the kind of the failure.")
	took := page.Histogram("engine_job_duration_seconds", "How long jobs took.")
	phase := page.Histogram("engine_job_phase_seconds", "How long the parts of jobs took that mark them.")
	late := page.Counter("engine_job_overdue_total", "Jobs that ignored a cancel beyond the grace period.")
	in := page.Counter("engine_job_input_bytes_total", "Bytes that jobs have read from their input.")
	out := page.Counter("engine_job_output_bytes_total", "Bytes that jobs have written.")
	bounds := buckets()
	for i := range s.Jobs {
		j := &s.Jobs[i]
		for _, kind := range slices.Sorted(maps.Keys(j.Results)) {
			result := kind
			if kind == "" {
				result = "ok"
			}
			runs.Add(float64(j.Results[kind]), "job", j.Name, "result", result)
		}
		showDurations(took, bounds, &j.Duration, "job", j.Name)
		for p := range j.Phases {
			showDurations(phase, bounds, &j.Phases[p].Duration, "job", j.Name, "phase", j.Phases[p].Name)
		}
		nonZero(late, float64(j.Overdue), j.Name)
		nonZero(in, float64(j.BytesIn), j.Name)
		nonZero(out, float64(j.BytesOut), j.Name)
	}
}

// nonZero keeps the page short: most jobs have neither input nor bad manners.
func nonZero(f *Family, value float64, job string) {
	if value != 0 {
		f.Add(value, "job", job)
	}
}

// The buckets of the engine, each twice as wide as the one before, are shown in
// pairs: from 4 µs (what is below is noise) to 67 s, 13 of them. Every series
// costs those who store them for years.
const firstBucket, bucketStep = 2, 2

// buckets gives the bounds that are shown, in seconds.
func buckets() []float64 {
	var bounds []float64
	for i := firstBucket; i < engine.HistogramBuckets-1; i += bucketStep {
		bounds = append(bounds, engine.HistogramBound(i).Seconds())
	}
	return bounds
}

// showDurations adds a histogram of the engine.
func showDurations(f *Family, bounds []float64, h *engine.Histogram, labels ...string) {
	if h.Count == 0 {
		return
	}
	counts := make([]uint64, len(bounds)+1)
	for i, n := range h.Counts {
		at := max(0, i-firstBucket+bucketStep-1) / bucketStep // the first bound that is not below
		counts[min(at, len(bounds))] += n
	}
	f.AddBuckets(bounds, counts, h.Sum.Seconds(), labels...)
}
