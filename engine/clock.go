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

// since is how long ago t was. The real clock is asked for less than Now gives.
func (s *settings) since(t time.Time) time.Duration {
	if s.realtime {
		return time.Since(t)
	}
	return s.clock.Now().Sub(t)
}

// SetClock makes the engine use another clock; nil is the real one. Set it
// before the first job: what already runs mixes both.
func (e *Engine) SetClock(c Clock) {
	e.change(func(s *settings) {
		s.clock, s.realtime = c, c == nil
		if c == nil {
			s.clock = systemClock{}
		}
	})
}

// Clock returns the clock of the engine, for handlers whose timing tests should
// be able to control.
func (e *Engine) Clock() Clock { return e.settings.Load().clock }
