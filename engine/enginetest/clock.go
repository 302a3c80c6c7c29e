package enginetest

import (
	"slices"
	"sync"
	"time"

	"github.com/enginejobs/docker/engine"
)

// Clock is an engine.Clock that moves only when it is told to. Give it to an
// engine before its first job:
//
//	clock := enginetest.NewClock()
//	eng.SetClock(clock)
//
// It may be used from many goroutines.
type Clock struct {
	mu      sync.Mutex
	changed sync.Cond // a timer came or went
	now     time.Time
	seq     int
	timers  []*timer // that have not been due, in no order
}

// timer is one call that waits.
type timer struct {
	clock *Clock
	at    time.Time
	seq   int // order of equal times: that in which they were made
	f     func()
}

var _ engine.Clock = (*Clock)(nil)

// NewClock makes a clock that shows 2014-03-13 12:00 UTC, a moment like another.
func NewClock() *Clock {
	c := &Clock{now: time.Date(2014, time.March, 13, 12, 0, 0, 0, time.UTC)}
	c.changed.L = &c.mu
	return c
}

// Now implements engine.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc implements engine.Clock. What is due at once waits for the next
// Advance, be it by 0.
func (c *Clock) AfterFunc(d time.Duration, f func()) engine.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	t := &timer{clock: c, at: c.now.Add(max(d, 0)), seq: c.seq, f: f}
	c.timers = append(c.timers, t)
	c.changed.Broadcast()
	return t
}

// Stop implements engine.Timer.
func (t *timer) Stop() bool { return t.clock.take(t) }

// take removes a timer and tells whether it was there.
func (c *Clock) take(t *timer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.timers, t)
	if i < 0 {
		return false
	}
	c.timers = slices.Delete(c.timers, i, i+1)
	c.changed.Broadcast()
	return true
}

// Advance moves the clock by d. Every timer that becomes due on the way is
// called at its own time, one after the other in order; the next one only when
// the one before has returned. So whatever they start in turn is due in the same
// Advance, and the order is the same in every run.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	c.mu.Unlock()
	for {
		c.mu.Lock()
		t := c.first()
		if t == nil || t.at.After(end) {
			c.now = end
			c.mu.Unlock()
			return
		}
		if t.at.After(c.now) {
			c.now = t.at
		}
		c.timers = slices.Delete(c.timers, slices.Index(c.timers, t), slices.Index(c.timers, t)+1)
		c.changed.Broadcast()
		c.mu.Unlock()
		done := make(chan struct{})
		go func() { // of its own, as the interface promises; awaited here
			defer close(done)
			t.f()
		}()
		<-done
	}
}

// first finds the timer that is due first. Call it with mu held.
func (c *Clock) first() *timer {
	if len(c.timers) == 0 {
		return nil
	}
	return slices.MinFunc(c.timers, func(a, b *timer) int {
		if n := a.at.Compare(b.at); n != 0 {
			return n
		}
		return a.seq - b.seq
	})
}

// Timers tells how many calls wait for their time.
func (c *Clock) Timers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

// WaitTimers returns when at least n calls wait for their time, which is how a
// test knows that the job under test has come to its delay and Advance will
// reach it.
func (c *Clock) WaitTimers(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.timers) < n {
		c.changed.Wait()
	}
}
