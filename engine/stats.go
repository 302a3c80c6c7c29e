package engine

import "time"

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

// Stats returns the numbers as they are now.
func (e *Engine) Stats() Stats { return Stats{} }
