package engine

import (
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Stats are the numbers of an engine since it was made.
type Stats struct {
	Running     int    // jobs that run now, Queued and Overdue included
	Queued      int    // of them, those that wait for their turn
	Overdue     int    // of them, those that ignored a cancel beyond the grace period
	Refused     uint64 // jobs turned away because the queue of their client was full
	Subscribers int
	Dropped     uint64     // records that subscribers lost
	Jobs        []JobStats // by name; names that are not registered are counted together
}

// JobStats are the numbers of all ended jobs of one name.
type JobStats struct {
	Name     string            // OtherJobs for names that are not registered
	Results  map[string]uint64 // how many ended with each kind of failure; "" is success
	Duration Histogram
	Overdue  uint64 // how many ignored a cancel beyond the grace period
	BytesIn  int64
	BytesOut int64
	Phases   []PhaseStats // in the order in which they were first seen
}

// PhaseStats are the numbers of one phase of the jobs of one name.
type PhaseStats struct {
	Name     string
	Duration Histogram
}

// OtherJobs is the name under which JobStats has the jobs of a catch-all and
// those that nobody handled.
const OtherJobs = "(other)"

// Histogram counts durations. Counts[i] are those of at most HistogramBound(i)
// and more than the bound before; the last one has no bound.
type Histogram struct {
	Counts [HistogramBuckets]uint64
	Count  uint64
	Sum    time.Duration
}

// HistogramBuckets is the number of buckets of every Histogram.
const HistogramBuckets = 28

// HistogramBound is the inclusive upper bound of bucket i: 1 µs << i. The last
// bucket has none (0).
func HistogramBound(i int) time.Duration {
	if i < 0 || i >= HistogramBuckets-1 {
		return 0
	}
	return time.Microsecond << i
}

// observe counts one duration.
func (h *Histogram) observe(d time.Duration) {
	i := 0
	if d > time.Microsecond {
		i = min(bits.Len64(uint64(d-1)/uint64(time.Microsecond)), HistogramBuckets-1)
	}
	h.Counts[i]++
	h.Count++
	h.Sum += d
}

// kinds is how many results are counted apart: the kinds of package errdefs, and
// success in front.
const kinds = int(errdefs.KindUnknownJob) + 2

// jobStats are JobStats as the engine counts them, under Engine.mu.
type jobStats struct {
	results  [kinds]uint64 // success, then by kind
	duration Histogram
	overdue  uint64
	in, out  int64
	phases   []PhaseStats
}

// count adds a job that has ended.
func (s *jobStats) count(t *trail) {
	switch {
	case !t.failed:
		s.results[0]++
	case t.kind >= 0 && int(t.kind)+1 < kinds:
		s.results[t.kind+1]++
	default:
		s.results[errdefs.KindInternal+1]++
	}
	s.duration.observe(t.duration)
	s.in += t.in
	s.out += t.out
	for _, p := range t.phases {
		if h := s.phase(p.Name); h != nil {
			h.observe(p.Duration)
		}
	}
}

// phase finds the histogram of a phase; nil when there are too many.
func (s *jobStats) phase(name string) *Histogram {
	for i := range s.phases {
		if s.phases[i].Name == name {
			return &s.phases[i].Duration
		}
	}
	if len(s.phases) == maxPhases {
		return nil
	}
	s.phases = append(s.phases, PhaseStats{Name: name})
	return &s.phases[len(s.phases)-1].Duration
}

// statsOf finds where the numbers of a job go.
func (e *Engine) statsOf(j *Job) *jobStats {
	if j.entry != nil && j.entry.stats != nil {
		return j.entry.stats
	}
	return e.others
}

// Stats returns the numbers as they are now. A name appears in it once a job of
// that name has ended.
func (e *Engine) Stats() Stats {
	queued, refused := e.turns.numbers()
	e.writing.Lock()
	defer e.writing.Unlock() // keeps the table of names as it is
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Stats{
		Running: e.nrunning, Queued: queued, Overdue: e.board.overdue, Refused: refused,
		Subscribers: len(e.board.subs), Dropped: e.board.dropped,
	}
	for _, name := range slices.Sorted(maps.Keys(e.stats)) {
		if j := e.stats[name]; j.duration.Count > 0 || j.overdue > 0 {
			s.Jobs = append(s.Jobs, j.shown(name))
		}
	}
	return s
}

// shown copies the numbers of one name.
func (s *jobStats) shown(name string) JobStats {
	out := JobStats{
		Name: name, Results: map[string]uint64{}, Duration: s.duration, Overdue: s.overdue,
		BytesIn: s.in, BytesOut: s.out, Phases: slices.Clone(s.phases),
	}
	for i, n := range s.results {
		switch {
		case n == 0:
		case i == 0:
			out.Results[""] = n
		default:
			out.Results[errdefs.Kind(i-1).String()] = n
		}
	}
	return out
}
