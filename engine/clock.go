package engine

import "time"

// Clock is where an engine takes the time from: when jobs start and how long
// they take, and the grace period after a cancel. Deadlines of contexts, and so
// Shutdown, follow the real clock.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f in a goroutine of its own when d has passed.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a call that has not happened yet.
type Timer interface {
	// Stop prevents the call, and tells whether it did.
	Stop() bool
}

// systemClock is the real time.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// SetClock makes the engine use another clock; nil is the real one. Set it
// before the first job: what already runs mixes both.
func (e *Engine) SetClock(c Clock) {
	if c == nil {
		c = systemClock{}
	}
	e.change(func(s *settings) { s.clock = c })
}

// Clock returns the clock of the engine, for handlers whose timing tests should
// be able to control.
func (e *Engine) Clock() Clock { return e.settings.Load().clock }
