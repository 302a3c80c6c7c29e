package client

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/moby/term"

	"github.com/enginejobs/docker/runconfig"
)

// descriptor is what terminals have and buffers have not.
type descriptor interface{ Fd() uintptr }

// terminalOf returns the descriptor of a stream that is a terminal.
func terminalOf(stream any) (uintptr, bool) {
	d, ok := stream.(descriptor)
	if !ok {
		return 0, false
	}
	fd := d.Fd()
	return fd, term.IsTerminal(fd)
}

// windowSize is the size of the terminal that out is, or zero.
func windowSize(out any) (height, width uint) {
	fd, ok := terminalOf(out)
	if !ok {
		return 0, 0
	}
	size, err := term.GetWinsize(fd)
	if err != nil {
		return 0, 0
	}
	return uint(size.Height), uint(size.Width)
}

// errInterrupted is the cause of a context that a signal ended while the
// terminal was raw.
type errInterrupted struct{ signal os.Signal }

func (e *errInterrupted) Error() string { return "interrupted: " + e.signal.String() }

// rawMode puts the terminal of stdin into raw mode until restore is called,
// which may happen more than once. A signal that would end the program ends
// ctx instead, so that the terminal is restored on the way out.
func (cli *CLI) rawMode(ctx context.Context) (context.Context, func(), error) {
	fd, ok := terminalOf(cli.In)
	if !ok || cli.env.get("NORAW") != "" {
		return ctx, func() {}, nil
	}
	state, err := term.SetRawTerminal(fd)
	if err != nil {
		return ctx, func() {}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	stop := cli.notify(signals, fatalSignals...)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-signals:
			cancel(&errInterrupted{s})
		case <-done:
		}
	}()
	var once sync.Once
	restore := func() {
		once.Do(func() {
			_ = term.RestoreTerminal(fd, state)
			stop()
			close(done)
		})
	}
	return ctx, restore, nil
}

// interruptStatus is the exit status after a signal in raw mode: 0 for an
// interrupt, as ever, and 128+n for the others.
func interruptStatus(err error) (error, bool) {
	var interrupted *errInterrupted
	if !errors.As(err, &interrupted) {
		return nil, false
	}
	if interrupted.signal == os.Interrupt {
		return nil, true
	}
	return exitStatus(128 + signalNumber(interrupted.signal)), true
}

// detachWatch passes bytes on and remembers whether the last of them were the
// detach keys. The server acts on the keys; the client only has to know why
// the stream ended.
type detachWatch struct {
	w    io.Writer
	keys []byte

	mu      sync.Mutex // guards matched
	matched int
}

func (d *detachWatch) Write(p []byte) (int, error) {
	d.mu.Lock()
	for _, b := range p {
		switch {
		case len(d.keys) > 0 && d.matched < len(d.keys) && b == d.keys[d.matched]:
			d.matched++
		case len(d.keys) > 0 && b == d.keys[0]:
			d.matched = 1
		default:
			d.matched = 0
		}
	}
	d.mu.Unlock()
	return d.w.Write(p)
}

// seen tells whether the keys were the last thing that was typed.
func (d *detachWatch) seen() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.keys) > 0 && d.matched == len(d.keys)
}

// detachBytes turns --detach-keys text into bytes; empty text is the default,
// Ctrl-P Ctrl-Q.
func detachBytes(text string) ([]byte, error) {
	keys, err := runconfig.ParseDetachKeys(text)
	if keys == nil && err == nil {
		keys = []byte{16, 17}
	}
	return keys, err
}
