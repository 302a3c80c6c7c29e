package metrics

import (
	"slices"
	"sync/atomic"
	"time"
)

// bounds are the inclusive upper ends of the buckets of a Histogram: from what
// a system call takes to what makes a user leave.
var bounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Histogram counts durations. The zero value is ready; Observe may be called by
// several at once, takes no lock and allocates nothing.
type Histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	sum    atomic.Int64 // nanoseconds
}

// Observe counts one duration.
func (h *Histogram) Observe(d time.Duration) {
	i, _ := slices.BinarySearch(bounds[:], d)
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Show adds what was counted to a family, in seconds.
func (h *Histogram) Show(f *Family, labels ...string) {
	ends := make([]float64, len(bounds))
	for i, b := range bounds {
		ends[i] = b.Seconds()
	}
	counts := make([]uint64, len(h.counts))
	for i := range h.counts {
		counts[i] = h.counts[i].Load()
	}
	f.AddBuckets(ends, counts, time.Duration(h.sum.Load()).Seconds(), labels...)
}
