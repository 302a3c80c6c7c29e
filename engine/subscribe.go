package engine

import (
	"slices"
	"sync/atomic"
)

// Subscription is a bounded queue of records. Make it with Engine.Subscribe.
type Subscription struct {
	eng     *Engine
	c       chan Record // only sent to and closed under eng.mu
	dropped atomic.Uint64
}

// Subscribe delivers a start and an end record of every job from now on. A
// reader that is more than buffer records behind (at least 1) loses records,
// which are counted: the bus never waits for a reader. Whoever subscribes must
// Close; a shutdown of the engine does not.
func (e *Engine) Subscribe(buffer int) *Subscription {
	s, _, _ := e.observe(buffer, 0)
	return s
}

// observe subscribes and tells in the same moment what has ended before (the
// last n) and what runs, so that nothing is missed and nothing comes twice.
func (e *Engine) observe(buffer, n int) (s *Subscription, ended, running []Record) {
	s = &Subscription{eng: e, c: make(chan Record, max(buffer, 1))}
	e.mu.Lock()
	e.board.subs = append(slices.Clip(e.board.subs), s)
	e.board.looked.Add(1)
	past := e.board.last(n)
	present := e.runningTrails()
	e.mu.Unlock()
	return s, records(past), records(present)
}

// C gives the records in the order in which the jobs started and ended. It is
// closed by Close.
func (s *Subscription) C() <-chan Record { return s.c }

// Dropped counts the records that this subscription lost.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Close ends the subscription. What is queued can still be read.
func (s *Subscription) Close() {
	e := s.eng
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.Index(e.board.subs, s)
	if i < 0 {
		return
	}
	e.board.subs = slices.Delete(slices.Clone(e.board.subs), i, i+1)
	e.board.looked.Add(-1)
	close(s.c)
}
