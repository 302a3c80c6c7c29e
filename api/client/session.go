package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/stdcopy"
)

// session is a container in the foreground of the terminal.
type session struct {
	cli                   *CLI
	id                    string
	tty                   bool
	stdin, stdout, stderr bool
	detachKeys            string // as typed; empty is the default
	sigProxy              bool
	resizePath            string // where the size of the terminal is told
	condition             string // what to wait for: next-exit, removed, not-running
	// start is run once attached and waiting; nil when the container runs.
	start func(context.Context) error
}

// waitVersion is the first API whose wait takes a condition and answers its
// head at once, so that it can be sent before start.
const waitVersion = "1.30"

// exited is what a wait request brought.
type exited struct {
	code int
	err  error
}

// run attaches, starts, copies streams and signals, and returns the exit
// status of the container: 0 with detached set when the user typed the detach
// keys.
//
// The order is: wait request sent, attach accepted, wait accepted, start. So
// neither output nor an exit can be missed, however short the container lives.
func (s *session) run(parent context.Context) (code int, err error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	var armed <-chan struct{}
	if s.sigProxy && !s.tty {
		armed = s.proxySignals(ctx)
	}
	keys, err := detachBytes(s.detachKeys)
	if err != nil {
		return 0, err
	}
	var exit <-chan exited
	early := s.cli.http.atLeast(waitVersion)
	ready := make(chan struct{})
	if early {
		exit = s.wait(ctx, ready)
	}
	link, err := s.attach(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = link.Close() }()
	if early {
		select {
		case <-ready:
		case e := <-exit: // before start only a failure can end it; after it, all is well
			if e.err != nil {
				return 0, e.err
			}
			exit = ended(e)
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	if armed != nil {
		<-armed
	}
	if s.start != nil {
		if err := s.start(ctx); err != nil {
			return 0, err
		}
	}
	if !early {
		exit = s.wait(ctx, ready)
	}
	watch := &detachWatch{w: link}
	if s.tty && s.stdin {
		watch.keys = keys
	}
	return s.follow(ctx, link, watch, exit)
}

func ended(e exited) <-chan exited {
	c := make(chan exited, 1)
	c <- e
	return c
}

// follow copies the streams until they end and tells how the container ended.
func (s *session) follow(ctx context.Context, link *hijacked, watch *detachWatch, exit <-chan exited) (int, error) {
	restore := func() {}
	if s.tty && s.stdin {
		var err error
		if ctx, restore, err = s.cli.rawMode(ctx); err != nil {
			return 0, err
		}
	}
	defer restore()
	if s.tty {
		defer s.watchSize(ctx)()
	}
	sent := s.copyInput(link, watch)
	received := make(chan error, 1)
	go func() { received <- s.copyOutput(link) }()

	var streamErr error
	if s.stdout || s.stderr {
		select {
		case streamErr = <-received:
		case <-ctx.Done():
			return s.interrupted(ctx)
		}
	} else {
		select {
		case <-sent:
		case err := <-received:
			if err != nil {
				return 0, vanished("attached to "+s.id, err)
			}
		case <-ctx.Done():
			return s.interrupted(ctx)
		}
		return 0, nil
	}
	restore()
	if watch.seen() {
		if running, err := s.running(ctx); err == nil && running {
			return 0, nil
		}
	}
	select {
	case e := <-exit:
		if e.err == nil && streamErr != nil && !errors.Is(streamErr, io.EOF) {
			return e.code, vanished("attached to "+s.id, streamErr)
		}
		return e.code, e.err
	case <-ctx.Done():
		return s.interrupted(ctx)
	case <-s.stillThere(ctx):
		return 0, nil
	}
}

// exitGrace is how long the exit of a container may come after the end of its
// streams before the container is asked whether it runs on.
const exitGrace = 500 * time.Millisecond

func (s *session) interrupted(ctx context.Context) (int, error) {
	err := context.Cause(ctx)
	if status, ok := interruptStatus(err); ok {
		return 0, status
	}
	return 0, err
}

// stillThere serves attach: when the stream ended but the container runs on,
// as after a detach by keys that only the server knows, there is nothing to
// wait for. For run it never fires: run ends with its container.
func (s *session) stillThere(ctx context.Context) <-chan struct{} {
	if s.start != nil {
		return nil
	}
	gone := make(chan struct{})
	go func() {
		select {
		case <-time.After(exitGrace):
		case <-ctx.Done():
			return
		}
		if running, err := s.running(ctx); err == nil && running {
			close(gone)
		}
	}()
	return gone
}

func (s *session) running(ctx context.Context) (bool, error) {
	var c api.ContainerInspect
	if err := s.cli.http.getJSON(ctx, containerPath(s.id, "/json"), nil, &c); err != nil {
		return false, err
	}
	return c.State != nil && c.State.Running, nil
}

// wait sends the wait request. ready is closed when the server has accepted
// it.
func (s *session) wait(ctx context.Context, ready chan<- struct{}) <-chan exited {
	result := make(chan exited, 1)
	query := url.Values{}
	if s.cli.http.atLeast(waitVersion) && s.condition != "" {
		query.Set("condition", s.condition)
	}
	go func() {
		var w api.ContainerWait
		resp, err := s.cli.http.do(ctx, request{method: http.MethodPost, path: containerPath(s.id, "/wait"), query: query})
		if err == nil {
			close(ready)
			err = decodeWait(resp, &w)
		}
		result <- exited{w.StatusCode, err}
	}()
	return result
}

func (s *session) attach(ctx context.Context) (*hijacked, error) {
	query := url.Values{"stream": {"1"}}
	for name, on := range map[string]bool{"stdin": s.stdin, "stdout": s.stdout, "stderr": s.stderr} {
		if on {
			query.Set(name, "1")
		}
	}
	if s.detachKeys != "" {
		query.Set("detachKeys", s.detachKeys)
	}
	return s.cli.http.hijack(ctx, request{method: http.MethodPost, path: containerPath(s.id, "/attach"), query: query})
}

// copyInput sends stdin and half-closes the connection at its end. The channel
// is closed when all is sent.
func (s *session) copyInput(link *hijacked, watch *detachWatch) <-chan struct{} {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if s.stdin && s.cli.In != nil {
			_, _ = io.Copy(watch, s.cli.In)
		}
		_ = link.CloseWrite()
	}()
	return sent
}

// copyOutput shows the streams until the server ends them.
func (s *session) copyOutput(link *hijacked) error {
	out, errOut := io.Discard, io.Discard
	if s.stdout {
		out = s.cli.Out
	}
	if s.stderr {
		errOut = s.cli.Err
	}
	if s.tty {
		_, err := io.Copy(s.cli.Out, link.br)
		return err
	}
	_, err := stdcopy.Copy(out, errOut, link.br)
	return err
}

// watchSize tells the server the size of the terminal, now and at each change.
func (s *session) watchSize(ctx context.Context) (stop func()) {
	if _, ok := terminalOf(s.cli.Out); !ok {
		return func() {}
	}
	changes := make(chan os.Signal, 1)
	unwatch := func() {}
	if resizeSignal != nil {
		unwatch = s.cli.notify(changes, resizeSignal)
	}
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			s.resize(ctx)
			select {
			case <-changes:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		unwatch()
		cancel()
		<-over // nobody looks at the terminal any more
	}
}

// resize is best effort: a container that has just ended has no terminal.
func (s *session) resize(ctx context.Context) {
	height, width := windowSize(s.cli.Out)
	if height == 0 && width == 0 {
		return
	}
	query := url.Values{"h": {strconv.Itoa(int(height))}, "w": {strconv.Itoa(int(width))}}
	path := s.resizePath
	if path == "" {
		path = containerPath(s.id, "/resize")
	}
	_ = s.cli.http.call(ctx, http.MethodPost, path, query)
}

// proxySignals forwards what the client is sent, in order, until ctx ends.
// Failures are ignored: the container may not run yet, or no longer. The
// channel is closed when the signals are caught, which takes long enough to be
// done beside the requests.
func (s *session) proxySignals(ctx context.Context) <-chan struct{} {
	armed := make(chan struct{})
	go func() {
		signals := make(chan os.Signal, 64)
		defer s.cli.notify(signals, proxiedSignals()...)()
		close(armed)
		for {
			select {
			case sig := <-signals:
				if name := signalName(sig); name != "" {
					_ = s.cli.http.call(ctx, http.MethodPost, containerPath(s.id, "/kill"), url.Values{"signal": {name}})
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return armed
}

// checkTTY refuses what could never work before anything is asked.
func (cli *CLI) checkTTY(stdin, tty bool) error {
	if !stdin || !tty {
		return nil
	}
	if _, ok := terminalOf(cli.In); !ok {
		return errdefs.InvalidArgument("cannot enable tty mode on non tty input")
	}
	return nil
}
