package engine

import (
	"sync/atomic"

	"github.com/enginejobs/docker/errdefs"
)

// ringSize is how many ended jobs an engine remembers.
const ringSize = 1000

// board is what an engine knows about its jobs beyond those that run: the last
// ones that ended, the numbers, and who wants to hear of them. All of it but
// looked is guarded by Engine.mu, so that every reader sees starts and ends in
// one and the same order.
type board struct {
	looked atomic.Int32 // how many subscribers there are, for a look without the lock
	subs   []*Subscription
	ring   []trail // grows to ringSize, then is written in circles
	oldest int     // index of the oldest, once it does

	dropped uint64
	overdue int // jobs that run now though they should have ended
}

// remember adds a job that has ended to the ring.
func (b *board) remember(t *trail) {
	if len(b.ring) < ringSize {
		b.ring = append(b.ring, *t)
		return
	}
	b.ring[b.oldest] = *t
	b.oldest = (b.oldest + 1) % ringSize
}

// last copies the last n of the ring, oldest first; all when n is negative.
func (b *board) last(n int) []trail {
	if n < 0 || n > len(b.ring) {
		n = len(b.ring)
	}
	list := make([]trail, 0, n)
	for i := len(b.ring) - n; i < len(b.ring); i++ {
		list = append(list, b.ring[(b.oldest+i)%len(b.ring)])
	}
	return list
}

// publish hands a record to every subscriber that has room for it.
func (b *board) publish(r *Record) {
	for _, s := range b.subs {
		select {
		case s.c <- *r:
		default:
			s.dropped.Add(1)
			b.dropped++
		}
	}
}

// shown makes the record for the subscribers; nil when there is none.
func (e *Engine) shown(t *trail) *Record {
	if e.board.looked.Load() == 0 {
		return nil
	}
	r := t.record()
	return &r
}

// admit adds j to the running jobs unless the engine is shutting down. Work that
// belongs to what already runs (a child of a running job, or a job that a
// shutdown handler starts with its context) is still let in.
func (e *Engine) admit(j *Job) error {
	var rec *Record
	if e.board.looked.Load() > 0 {
		rec = j.beginning()
	}
	e.mu.Lock()
	if rec == nil && len(e.board.subs) > 0 { // somebody has come just now
		e.mu.Unlock()
		rec = j.beginning()
		e.mu.Lock()
	}
	defer e.mu.Unlock()
	if e.closing && !j.belongs() {
		return errdefs.Unavailable("engine is shutdown")
	}
	j.next = e.running
	if j.next != nil {
		j.next.prev = j
	}
	e.running = j
	e.nrunning++
	j.listed = true
	if rec != nil {
		e.board.publish(rec)
	}
	return nil
}

// beginning is the record of a job that starts.
func (j *Job) beginning() *Record {
	var t trail
	t.begin(j)
	r := t.record()
	return &r
}

// release takes j off the running jobs and notes how it ended. It tells whether
// the job was reported as overdue.
func (e *Engine) release(j *Job, t *trail) (late bool) {
	rec := e.shown(t)
	e.mu.Lock()
	if rec == nil && len(e.board.subs) > 0 {
		e.mu.Unlock()
		r := t.record()
		rec = &r
		e.mu.Lock()
	}
	defer e.mu.Unlock()
	if j.prev != nil {
		j.prev.next = j.next
	} else {
		e.running = j.next
	}
	if j.next != nil {
		j.next.prev = j.prev
	}
	j.prev, j.next, j.listed = nil, nil, false
	e.nrunning--
	if j.reported {
		e.board.overdue--
	}
	e.board.remember(t)
	e.statsOf(j).count(t)
	if rec != nil {
		e.board.publish(rec)
	}
	if e.nrunning == 0 && e.idle != nil {
		close(e.idle)
		e.idle = nil
	}
	return j.reported
}

// Recent returns the last n jobs that have ended, oldest first. The engine
// remembers 1000; a negative n means all of them.
func (e *Engine) Recent(n int) []Record {
	e.mu.Lock()
	list := e.board.last(n)
	e.mu.Unlock()
	return records(list)
}

func records(list []trail) []Record {
	out := make([]Record, len(list))
	for i := range list {
		out[i] = list[i].record()
	}
	return out
}
