package daemon

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/logdriver"
)

// attachOptions say what to connect to what.
type attachOptions struct {
	Name                  string
	Logs, Stream          bool
	Headers               bool
	Stdin, Stdout, Stderr bool
	Keys                  []byte
	In                    io.Reader
	Out, Err              io.Writer
}

func decodeAttach(job *engine.Job) (attachOptions, error) {
	opt := attachOptions{
		Name: job.Args[0], Logs: job.GetenvBool("logs"), Stream: job.GetenvBool("stream"),
		Stdin: job.GetenvBool("stdin"), Stdout: job.GetenvBool("stdout"), Stderr: job.GetenvBool("stderr"),
		Headers: job.GetenvBool("headers"),
		In:      job.Stdin, Out: job.Stdout, Err: job.Stderr,
	}
	var err error
	opt.Keys, err = parseDetachKeys(job.Getenv("detachKeys"))
	return opt, err
}

// jobAttach connects the streams of the job with those of a container.
//
// Usage:  attach CONTAINER
// Env:    logs: first what was logged so far. stream: then live. stdin, stdout, stderr: which streams.
// Env:    headers: write no bytes once the client will miss nothing.
// Env:    detachKeys: leave a terminal with these keys (default ctrl-p,ctrl-q).
// Stdin:  input of the workload.
// Stdout: its output, Stderr likewise; a terminal has only the former.
// Errors: NotFound, InvalidArgument (detachKeys), Conflict (paused).
// Events: attach, detach.
func (d *Daemon) jobAttach(job *engine.Job) error {
	opt, err := decodeAttach(job)
	if err != nil {
		return err
	}
	return d.Attach(job.Context(), opt)
}

// Attach returns when the run ends, the client leaves (detach keys, end of a
// terminal's input), or the context does. A container that does not run is
// waited for: clients attach first and start then.
func (d *Daemon) Attach(ctx context.Context, opt attachOptions) error {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	s := c.now()
	if s.state.Phase == paused && opt.Stream {
		return errdefs.Conflict("Container %s is paused. Unpause the container before attach", opt.Name)
	}
	if s.state.Phase.gone() {
		return errdefs.Conflict("container %s is being removed", opt.Name)
	}
	if opt.Logs {
		if err := replay(ctx, c, s, opt); err != nil {
			return err
		}
	}
	if !opt.Stream {
		return nil
	}
	a := newAttachment(opt.Stdout, opt.Stderr)
	c.hub.join(a)
	defer c.hub.leave(a)
	if opt.Headers {
		if _, err := opt.Out.Write(nil); err != nil {
			return nil //nolint:nilerr // the client has left, which is its right
		}
	}
	d.event(ctx, s, "attach", nil)
	switch s := c.now(); s.state.Phase {
	case running, paused:
		if err := d.subscribe(ctx, c); err != nil {
			if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
				return nil // it ended just now
			}
			return err
		}
	case removing, removed, dead:
		return nil // since the client was let in: a start that failed, with --rm
	}
	return d.converse(ctx, a, opt, func() error { return d.input(ctx, c, a, opt) }, nil)
}

// converse passes output on until something ends it. Some time after over is
// closed nothing more is waited for.
func (d *Daemon) converse(ctx context.Context, a *attachment, opt attachOptions, input func() error, over <-chan struct{}) error {
	leave := make(chan error, 1)
	if opt.Stdin {
		// The goroutine ends with the input, which the owner of the job closes.
		go func() { leave <- input() }()
	}
	var last <-chan time.Time
	var quiet <-chan time.Time // runs when only the last output is waited for
	for {
		select {
		case k := <-a.out:
			if err := opt.write(k); err != nil {
				return nil //nolint:nilerr // the client has left, which is its right
			}
			if quiet != nil {
				quiet = time.After(lastOutput)
			}
		case <-quiet:
			return nil
		case <-over:
			over, last = nil, time.After(execGrace)
		case <-last:
			return nil
		case <-a.ended:
			for {
				select {
				case k := <-a.out:
					if opt.write(k) != nil {
						return nil
					}
				default:
					return nil
				}
			}
		case err := <-leave:
			switch {
			case errors.Is(err, errStay):
				leave = nil
			case errors.Is(err, errDrain):
				leave, quiet = nil, time.After(lastOutput)
			default:
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (opt *attachOptions) write(k chunk) error {
	w := opt.Out
	if k.stderr {
		w = opt.Err
	}
	_, err := w.Write(k.data)
	k.release()
	return err
}

// errStay says that the input has ended but the client stays for the output;
// errDrain that it stays only for what the workload answers to the last input.
var (
	errStay  = errors.New("stay")
	errDrain = errors.New("drain")
)

// lastOutput is how long the workload has to be silent for a client that has
// ended its input, while others may attach again, to have seen everything.
const lastOutput = 250 * time.Millisecond

// input copies the client's input to the workload. Its result is errStay, or
// what the whole conversation ends with.
func (d *Daemon) input(ctx context.Context, c *container, a *attachment, opt attachOptions) error {
	select {
	case <-a.live:
	case <-a.ended:
		return errStay
	case <-a.left:
		return errStay
	case <-ctx.Done():
		return errStay
	}
	cfg := c.now().rec.Config
	in := io.Discard
	f, err := d.opt.Exec.Stdin(ctx, c.id)
	switch {
	case err == nil:
		defer f.Close()
		stop := context.AfterFunc(ctx, func() { f.Close() })
		defer stop()
		in = f
	case !errdefs.IsNotFound(err) && !errdefs.IsConflict(err):
		return err
	}
	keys := detector{}
	if cfg.Tty {
		keys.keys = opt.Keys
	}
	detached, err := copyInput(in, opt.In, &keys)
	if detached {
		d.event(ctx, c.now(), "detach", nil)
		return nil
	}
	switch {
	case err != nil && !errors.Is(err, os.ErrClosed):
		return errStay // the workload no longer reads
	case cfg.StdinOnce && !cfg.Tty:
		if err := d.opt.Exec.CloseStdin(ctx, c.id); err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) {
			d.opt.Logf("closing the input of container %s: %v", short(c.id), err)
		}
		return errStay
	case !cfg.Tty:
		return errDrain
	}
	return nil
}

// copyInput copies until the end of the input or the detach keys. A workload
// that takes no more does not end the reading: the keys must still work.
func copyInput(dst io.Writer, src io.Reader, keys *detector) (detached bool, err error) {
	buf := make([]byte, 32<<10)
	for {
		n, rerr := src.Read(buf)
		pass, detach := keys.feed(buf[:n])
		if len(pass) > 0 {
			if _, werr := dst.Write(pass); werr != nil {
				if len(keys.keys) == 0 {
					return false, werr
				}
				dst = io.Discard
			}
		}
		if detach {
			return true, nil
		}
		if rerr != nil {
			if rest := keys.rest(); len(rest) > 0 {
				_, err = dst.Write(rest)
			}
			return false, err
		}
	}
}

// replay writes what was logged so far.
func replay(ctx context.Context, c *container, s *snapshot, opt attachOptions) error {
	spec, format, err := c.log(s)
	if err != nil || format == nil {
		return err
	}
	w := logWriter{logsOptions: &logsOptions{Stdout: opt.Stdout, Stderr: opt.Stderr, Out: opt.Out, Err: opt.Err}}
	return logdriver.Read(ctx, format, spec, logdriver.ReadOptions{Tail: -1, Idle: w.flush}, w.entry)
}
