package native

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/kr/pty"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/pidfd"
)

// execution finds one that runs.
func (d *Driver) execution(id string) *execution {
	d.mu.Lock()
	defer d.mu.Unlock()
	if x := d.execs[id]; x != nil && isClosed(x.started) {
		return x
	}
	return nil
}

func (x *execution) stdin() (*os.File, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.open || x.input == nil {
		return nil, errdefs.NotFound("exec %s has no open stdin", x.id)
	}
	fd, err := duplicate(x.input)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "stdin of "+x.id), nil
}

// closeStdin ends the input. That of a terminal has no end of its own.
func (x *execution) closeStdin() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.tty || x.input == nil {
		return nil
	}
	err := x.input.Close()
	x.input = nil
	return err
}

func (x *execution) resize(height, width uint16) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case !x.tty:
		return errdefs.Conflict("exec %s has no terminal", x.id)
	case x.input == nil:
		return errdefs.Conflict("exec %s is not running", x.id)
	}
	fd, err := duplicate(x.input)
	if err != nil {
		return err
	}
	terminal := os.NewFile(uintptr(fd), "terminal of "+x.id)
	defer terminal.Close()
	return pty.Setsize(terminal, &pty.Winsize{Rows: height, Cols: width})
}

func (x *execution) signal(sig int) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := unix.ESRCH
	if x.pidfd >= 0 {
		e := unix.PidfdSendSignal(x.pidfd, unix.Signal(sig), nil, 0)
		if e == nil {
			return nil
		}
		errors.As(e, &err)
	}
	switch err {
	case unix.ESRCH:
		return errdefs.Conflict("exec %s is not running", x.id)
	case unix.EINVAL:
		return errdefs.InvalidArgument("signal %d does not exist", sig)
	}
	return err
}

// leftoverGrace is how long a terminal is shown after the end of its process,
// for what that has left behind.
const leftoverGrace = 3 * time.Second

// close lets go of the descriptors.
func (x *execution) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	x.release()
}

// release is close with x.mu held.
func (x *execution) release() {
	if x.pidfd >= 0 {
		unix.Close(x.pidfd)
	}
	closeAll([]*os.File{x.input, x.show})
	x.pidfd, x.input, x.show = -1, nil, nil
}

// terminalBuffers are lent while there is output.
var terminalBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// showTerminal copies the output of a terminal to its receiver, until its end or
// close. Without a receiver, or when it has gone, the output is dropped.
func (x *execution) showTerminal() {
	x.mu.Lock()
	from, to := x.input, x.show
	x.mu.Unlock()
	if from == nil {
		return // closed already
	}
	raw, err := from.SyscallConn()
	for err == nil {
		err = copyOnce(raw, &to)
	}
	x.close()
}

// copyOnce copies what there is once there is something. A receiver that fails
// is set to nil.
func copyOnce(raw syscall.RawConn, to **os.File) error {
	var buf *[]byte
	n, failure := 0, error(nil)
	err := raw.Read(func(fd uintptr) bool {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if ready, err := unix.Poll(p, 0); err == nil && ready == 0 {
			return false
		}
		buf = terminalBuffers.Get().(*[]byte)
		if n, failure = unix.Read(int(fd), *buf); !isAgain(failure) {
			return true
		}
		terminalBuffers.Put(buf)
		buf = nil
		return false
	})
	if buf == nil {
		return err
	}
	defer terminalBuffers.Put(buf)
	if err = errors.Join(err, failure); err != nil || n <= 0 {
		return errors.Join(err, os.ErrClosed) // a terminal ends with EIO
	}
	if *to != nil {
		if _, err := (*to).Write((*buf)[:n]); err != nil {
			*to = nil // close closes it
		}
	}
	return nil
}

func isAgain(err error) bool { return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) }

// executionExited tells the end of an execution, once, and not before Exec has
// returned.
func (d *Driver) executionExited(exit *execdriver.Exit) {
	d.mu.Lock()
	x := d.execs[exit.ID]
	d.mu.Unlock()
	if x == nil || x.container != exit.Container {
		return // an earlier daemon's, or told already
	}
	go func() {
		<-x.started
		d.mu.Lock()
		known, tell := d.execs[x.id] == x, d.onExit
		if known {
			delete(d.execs, x.id)
		}
		d.mu.Unlock()
		if !known {
			return
		}
		x.finish()
		if tell != nil {
			tell(*exit)
		}
	}()
}

// finish closes what an ended execution does not need any more. Its terminal has
// output that is not shown yet.
func (x *execution) finish() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.tty || x.input == nil {
		x.closed = true
		x.release()
		return
	}
	time.AfterFunc(leftoverGrace, x.close)
}

// collectExecutions waits for the ends of all that run, when an exec engine was
// lost.
func (d *Driver) collectExecutions() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.execs {
		d.over.Go(func() { d.collectExecution(x) })
	}
}

// collectExecution takes the status of an execution from the kernel, when nobody
// tells it. One that was about to start may be of the next exec engine already.
func (d *Driver) collectExecution(x *execution) {
	select {
	case <-x.started:
	case <-d.ctx.Done():
		return
	}
	x.mu.Lock()
	var process *os.File
	if x.pidfd >= 0 {
		process, _ = fileOf(x.pidfd, x.id)
	}
	x.mu.Unlock()
	if process == nil {
		return // it has ended, or we have no descriptors
	}
	defer process.Close()
	code, ok := d.awaitProcess(process)
	if d.ctx.Err() != nil {
		return
	}
	if !ok {
		code = unknownCode
	}
	d.executionExited(&execdriver.Exit{ID: x.id, Container: x.container, Code: code, At: time.Now().UTC()})
}

// unknownCode is the exit code of a process of which nobody was left to tell.
const unknownCode = 255

// codeOf finds out how a process has ended: it is our child now, or somebody
// else's who collects it. An exec engine that dies closes its connections a
// moment before its children are ours.
func (d *Driver) codeOf(raw syscall.RawConn) (code int, known bool) {
	for wait := time.Millisecond; wait < leftoverGrace; wait *= 2 {
		err := raw.Control(func(fd uintptr) {
			if code, known = waitPidfd(int(fd)); known {
				return
			}
			var ws unix.WaitStatus
			if ws, known = pidfd.Status(int(fd)); known {
				code = pidfd.Code(ws)
			}
		})
		if err != nil || known {
			return code, known && err == nil
		}
		select {
		case <-time.After(wait):
		case <-d.ctx.Done():
			return 0, false
		}
	}
	return 0, false
}
