package spawn

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
)

// childGrace is how long the jobs of a child may take to end after its parent
// has gone.
const childGrace = 3 * time.Second

// IsChild tells whether this process was started by Start and is to call Main.
func IsChild() bool {
	if os.Getenv(mark) != "1" {
		return false
	}
	kind, err := unix.GetsockoptInt(socketFD, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && kind == unix.SOCK_SEQPACKET
}

// Main returns at once in a process that Start has not started. In one that it
// has, Main makes an engine, has its jobs put on it by the functions (the method
// Install of any engine.Installer is one), serves the parent until that closes
// the connection or dies, and ends the process: status 0, or 1 after an error,
// which goes to stderr. Call it first thing in main.
func Main(install ...func(eng *engine.Engine) error) {
	if !IsChild() {
		return
	}
	if err := serveParent(install); err != nil {
		fmt.Fprintf(os.Stderr, "sub-engine: %v\n", err)
		os.Exit(1) //nolint:forbidigo // it is the main of the child
	}
	os.Exit(0) //nolint:forbidigo // it is the main of the child
}

func serveParent(install []func(eng *engine.Engine) error) error {
	unix.CloseOnExec(socketFD)
	if err := os.Unsetenv(mark); err != nil { // our own children are none of these
		return err
	}
	cred, err := unix.GetsockoptUcred(socketFD, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return err
	}
	p, err := newPackets(socketFD)
	if err != nil {
		return err
	}
	eng := engine.New()
	for _, f := range install {
		if err := f(eng); err != nil {
			return errdefs.As(errdefs.KindOf(err), fmt.Errorf("installing its jobs: %w", err))
		}
	}
	over := make(chan error, 1)
	watched := &watched{Transport: p, gone: make(chan struct{})}
	go func() {
		over <- wire.Serve(context.Background(), eng, watched, wire.ServeOptions{Caller: callerOf(cred)})
	}()
	<-watched.gone
	select {
	case err := <-over:
		return err
	case <-time.After(childGrace):
		return errdefs.New(errdefs.KindDeadline, "jobs still ran %s s after the parent had gone: %s",
			strconv.FormatFloat(childGrace.Seconds(), 'f', -1, 64), names(eng))
	}
}

// names lists the jobs that run.
func names(eng *engine.Engine) string {
	list := ""
	for _, j := range eng.Running() {
		list += " " + j.Name
	}
	return list
}

// watched is a transport that tells when nothing comes any more.
type watched struct {
	wire.Transport
	gone chan struct{}
}

// Receive gives the next frame; one goroutine at a time calls it, and none after
// an error.
func (w *watched) Receive() (wire.Frame, error) {
	f, err := w.Transport.Receive()
	if err != nil {
		close(w.gone)
	}
	return f, err
}

// MaxPayload is that of the transport below.
func (w *watched) MaxPayload() int { return maxPayload }
