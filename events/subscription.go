package events

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Subscribers are woken a crowd at a time, with a breath in between. Each writes
// to its reader then: ten thousand at once would keep everything else from the
// processors. What happens during a round is taken together in the next one.
const (
	crowd  = 32
	breath = 500 * time.Microsecond
)

// subscription is one reader of the journal. It holds no events: it takes them
// from the journal when it is woken, all that are there at a time.
type subscription struct {
	filter filter
	until  int64         // no events after it; 0: no end
	bell   chan struct{} // holds one value when there is something to take

	next atomic.Uint64 // how many events there were before the one to take next
}

// subscribe returns the stored events since a moment (0: none, unless there is an
// end: then all) and a subscription that goes on where they end. With follow false
// there is none.
func (e *Events) subscribe(f filter, since, until int64, follow bool) ([]*entry, *subscription) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var past []*entry
	stored := e.journal.Load()
	for _, ent := range stored.entries[max(0, len(stored.entries)-kept):] {
		if (since != 0 || until != 0) && ent.event.TimeNano >= since && fits(ent, f, until) {
			past = append(past, ent)
		}
	}
	if !follow {
		return past, nil
	}
	s := &subscription{filter: f, until: until, bell: make(chan struct{}, 1)}
	s.next.Store(stored.total())
	e.subs[s] = struct{}{}
	return past, s
}

func fits(ent *entry, f filter, until int64) bool {
	return (until == 0 || ent.event.TimeNano <= until) && f.match(ent.event)
}

// wake rings the bells until all subscribers know of the newest event. One that
// is so far behind that it has missed something is dropped.
func (e *Events) wake() {
	var all []*subscription
	for {
		e.mu.Lock()
		known := e.journal.Load().total()
		all = slices.AppendSeq(all[:0], maps.Keys(e.subs))
		e.mu.Unlock()
		for some := range slices.Chunk(all, crowd) {
			if len(all) > crowd {
				time.Sleep(breath)
			}
			e.mu.Lock()
			for _, s := range some {
				e.ring(s)
			}
			e.mu.Unlock()
		}
		e.mu.Lock()
		if e.journal.Load().total() == known {
			e.waking = false
			e.mu.Unlock()
			return
		}
		e.mu.Unlock()
	}
}

// ring tells a subscription that there is something. Call it with mu held.
func (e *Events) ring(s *subscription) {
	if s.next.Load() < e.journal.Load().before {
		e.drop(s)
	}
	select {
	case s.bell <- struct{}{}:
	default: // it knows
	}
}

// drop ends a subscription that has missed something. Call it with mu held.
func (e *Events) drop(s *subscription) {
	if _, here := e.subs[s]; here {
		delete(e.subs, s)
		e.dropped++
	}
}

// take returns the lines of the events that the subscription has not had yet.
// A single one is returned as it is in the journal, without a copy: do not
// change what is returned. Only the reader of the subscription calls it.
func (e *Events) take(s *subscription) (lines []byte, err error) {
	stored, next := e.journal.Load(), s.next.Load()
	if next < stored.before {
		e.mu.Lock()
		e.drop(s)
		e.mu.Unlock()
		return nil, errdefs.Unavailable("this reader was too slow: more than %d events were waiting for it, some are lost", held)
	}
	s.next.Store(stored.total())
	fresh := stored.entries[next-stored.before:]
	if len(fresh) == 1 {
		if fits(fresh[0], s.filter, s.until) {
			return fresh[0].line, nil
		}
		return nil, nil
	}
	for _, ent := range fresh {
		if fits(ent, s.filter, s.until) {
			lines = append(lines, ent.line...)
		}
	}
	return lines, nil
}

// unsubscribe ends a subscription.
func (e *Events) unsubscribe(s *subscription) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.subs, s)
}

// Subscribers counts those who follow.
func (e *Events) Subscribers() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.subs)
}
