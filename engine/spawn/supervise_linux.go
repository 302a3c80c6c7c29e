package spawn

import (
	"sync"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

const (
	defaultPatience = 5 * time.Second
	shortestPause   = 10 * time.Millisecond
	longestPause    = 5 * time.Second
	settled         = 2 * time.Second // a child that lived so long is replaced at once
)

// Supervisor keeps a sub-engine running: one that dies is started again. Close
// it when done.
type Supervisor struct {
	o     Options
	leave chan struct{} // closed by Close
	left  chan struct{} // closed when no child is left

	mu       sync.Mutex    // guards everything below
	ready    chan struct{} // closed when sub can be used
	sub      *Sub
	failure  error // of the last start
	restarts int
	closing  sync.Once
}

// Supervise starts a sub-engine and keeps it running. It does not wait for the
// first one.
func Supervise(o Options) *Supervisor {
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	s := &Supervisor{o: o, leave: make(chan struct{}), left: make(chan struct{}), ready: make(chan struct{})}
	go s.run()
	return s
}

// run goes from one child to the next, until Close.
func (s *Supervisor) run() {
	defer close(s.left)
	pause := time.Duration(0)
	for {
		begin := time.Now()
		err := s.once()
		select {
		case <-s.leave:
			return
		default:
		}
		s.o.Logf("sub-engine: %v", err)
		s.mu.Lock()
		s.failure = err
		s.restarts++
		s.mu.Unlock()
		if pause = min(2*pause+shortestPause, longestPause); time.Since(begin) > settled {
			pause = 0
		}
		select {
		case <-time.After(pause):
		case <-s.leave:
			return
		}
	}
}

// once goes through the life of one child and tells how it ended.
func (s *Supervisor) once() error {
	sub, err := Start(s.o)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.sub = sub
	close(s.ready)
	s.mu.Unlock()
	select {
	case <-sub.conn.Done():
	case <-s.leave:
	}
	s.mu.Lock()
	s.sub, s.ready = nil, make(chan struct{})
	s.mu.Unlock()
	if err := sub.Close(); err != nil {
		s.o.Logf("sub-engine: closing its connection: %v", err)
	}
	return sub.Err()
}

// Handle carries a job out in the child, as Sub.Handle. When there is none at
// the moment the job waits for the next one; jobs that ran in one that died have
// failed with Unavailable and are not started again.
func (s *Supervisor) Handle(job *engine.Job) error {
	timer := time.NewTimer(s.o.Patience)
	defer timer.Stop()
	for {
		s.mu.Lock()
		ready, sub := s.ready, s.sub
		s.mu.Unlock()
		// Between the death of a child and our notice a job would be sent to the dead.
		if sub != nil && sub.conn.Err() == nil {
			return sub.Handle(job)
		}
		if sub != nil {
			ready = soon()
		}
		select {
		case <-ready:
			continue
		case <-timer.C:
			closeAll(job.Files)
			return s.absent(job)
		case <-job.Context().Done():
			closeAll(job.Files)
			return job.Context().Err()
		case <-s.leave:
			closeAll(job.Files)
			return errdefs.Unavailable("job %s: its sub-engine is closed", job.Name)
		}
	}
}

// absent is the result of a job that has waited in vain.
func (s *Supervisor) absent(job *engine.Job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		return errdefs.Unavailable("job %s: the sub-engine did not come up within %v", job.Name, s.o.Patience)
	}
	return errdefs.Unavailable("job %s: the sub-engine did not come back within %v: %w", job.Name, s.o.Patience, s.failure)
}

// soon is a channel that is closed after a moment.
func soon() chan struct{} {
	c := make(chan struct{})
	time.AfterFunc(time.Millisecond, func() { close(c) })
	return c
}

// Sub is the child of this moment; nil between two of them.
func (s *Supervisor) Sub() *Sub {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sub
}

// Restarts counts the children that have died, and the starts that failed.
func (s *Supervisor) Restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.restarts
}

// Close ends the child as Sub.Close does, and does not start another one.
func (s *Supervisor) Close() error {
	s.closing.Do(func() { close(s.leave) })
	<-s.left
	return nil
}
