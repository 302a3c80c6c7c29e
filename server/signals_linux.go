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
	asked, err := s.await(started, signals, 0, cancel)
	if asked > 0 && errors.Is(err, context.Canceled) {
		return nil // stopped before it was up
	}
	if err != nil {
		return err
	}
	if asked > 0 {
		return s.stop(signals, asked)
	}
	for {
		select {
		case err := <-s.failed:
			return errors.Join(fmt.Errorf("the API has stopped: %w", err), s.stop(signals, 1))
		case <-ctx.Done():
			return s.stop(signals, 1)
		case sig := <-signals:
			if err := s.minor(sig); err != nil {
				return err
			}
			if deadly(sig) {
				s.log.Infof("received %v: stopping", sig)
				return s.stop(signals, 1)
			}
		}
	}
}

// How often somebody has to ask the server to stop before it does so in a hurry,
// and before it gives up what it is doing.
const (
	askedToHurry  = 2
	askedToGiveUp = 3
)

// await waits for work while it listens to signals. Each deadly one counts as
// asking to stop once more than before and calls hurry; the last gives up.
func (s *Server) await(work <-chan error, signals <-chan os.Signal, before int, hurry func()) (asked int, err error) {
	asked = before
	for {
		select {
		case err := <-work:
			return asked, err
		case sig := <-signals:
			if err := s.minor(sig); err != nil {
				return asked, err
			}
			if !deadly(sig) {
				continue
			}
			if asked++; asked == askedToGiveUp {
				return asked, ErrAbandoned{sig}
			}
			s.log.Warnf("received %v: not waiting any longer", sig)
			hurry()
		}
	}
}

// stop closes the server, which somebody has asked for so many times; signs of
// impatience make it hurry, then give up.
func (s *Server) stop(signals <-chan os.Signal, asked int) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	hurry := func() {
		s.hurry()
		cancel()
	}
	if asked >= askedToHurry {
		hurry()
	}
	done := make(chan error, 1)
	go func() { done <- s.Close(ctx) }() // awaited, unless the user would not
	_, err := s.await(done, signals, asked, hurry)
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
