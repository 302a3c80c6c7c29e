package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// ErrAbandoned is returned by Run when the user would not wait for the end of
// a stop: the process should exit at once, containers notwithstanding.
type ErrAbandoned struct{ Signal os.Signal }

// Error says so.
func (e ErrAbandoned) Error() string {
	return "stop abandoned after repeated signals (" + e.Signal.String() + ")"
}

// Run brings the daemon up and keeps it up until a signal takes it down.
//
//	SIGINT, SIGTERM  first: stop, and let what runs end; second: hurry, nothing is
//	                 waited for; third: Run returns ErrAbandoned at once
//	SIGQUIT          stack dump of every goroutine, then ErrAbandoned
//	SIGUSR1          stack dump
//	SIGHUP           the access policy is read again
func (s *Server) Run(ctx context.Context, signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	started := make(chan error, 1)
	go func() { started <- s.Start(ctx) }() // awaited below, unless the user would not
	told, err := s.await(started, signals, cancel)
	if told || err != nil {
		if told && errors.Is(err, context.Canceled) {
			return nil // stopped before it was up
		}
		if err != nil {
			return err
		}
		return s.stop(signals)
	}
	for {
		select {
		case err := <-s.failed:
			return errors.Join(fmt.Errorf("the API has stopped: %w", err), s.stop(signals))
		case <-ctx.Done():
			return s.stop(signals)
		case sig := <-signals:
			if err := s.minor(sig); err != nil {
				return err
			}
			if deadly(sig) {
				s.log.Infof("received %v: stopping", sig)
				return s.stop(signals)
			}
		}
	}
}

// await waits for work while it listens to signals: the first deadly one calls
// hurry, the one after the next gives up. told says that there was one.
func (s *Server) await(work <-chan error, signals <-chan os.Signal, hurry func()) (told bool, err error) {
	for {
		select {
		case err := <-work:
			return told, err
		case sig := <-signals:
			if err := s.minor(sig); err != nil {
				return told, err
			}
			switch {
			case !deadly(sig):
			case told:
				return told, ErrAbandoned{sig}
			default:
				told = true
				s.log.Warnf("received %v: not waiting any longer", sig)
				hurry()
			}
		}
	}
}

// stop closes the server; signs of impatience make it hurry, then give up.
func (s *Server) stop(signals <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Close(ctx) }() // awaited, unless the user would not
	_, err := s.await(done, signals, func() {
		s.hurry()
		cancel()
	})
	return err
}

func deadly(sig os.Signal) bool { return sig == syscall.SIGINT || sig == syscall.SIGTERM }

// minor handles the signals that do not stop in an orderly way.
func (s *Server) minor(sig os.Signal) error {
	switch sig {
	case syscall.SIGUSR1, syscall.SIGQUIT:
		buf := make([]byte, 1<<20)
		s.log.Errorf("stack dump (%v):\n%s", sig, buf[:runtime.Stack(buf, true)])
		if sig == syscall.SIGQUIT {
			return ErrAbandoned{sig}
		}
	case syscall.SIGHUP:
		s.log.Infof("received %v", sig)
		s.reload()
	}
	return nil
}
