package fake

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"golang.org/x/sys/unix"
)

const (
	sigKill = int(syscall.SIGKILL)
	sigTerm = int(syscall.SIGTERM)
)

// process is one container, or an exec in one.
type process struct {
	id      string
	in      *process // of an exec: its container
	pid     int
	tty     bool
	spec    execdriver.Process
	uid     int
	root    string
	started time.Time
	log     *os.File // nil: no log
	stdin   *os.File // what the workload reads; nil: at its end
	killed  chan struct{}

	mu            sync.Mutex // guards all below
	exit          *execdriver.Exit
	cause         int // the signal that ends it
	ignoreTerm    bool
	input         *os.File // the writable end of stdin
	outs          []execdriver.Output
	height, width uint16
	frozen        chan struct{} // closed when it goes on; nil: it is not frozen
	pending       []int         // signals that came while it was frozen
	resources     execdriver.Resources
}

// users are the names that a fake container knows.
var users = map[string]int{"": 0, "root": 0, "daemon": 1, "nobody": 65534}

// bareProcess makes what containers and execs have in common.
func bareProcess(id string, spec *execdriver.Process, pid int) (*process, error) {
	p := &process{
		id: id, spec: *spec, pid: pid, tty: spec.Tty, started: time.Now().UTC(), killed: make(chan struct{}),
		height: spec.Height, width: spec.Width,
	}
	name, _, _ := strings.Cut(spec.User, ":")
	uid, known := users[name]
	if n, err := strconv.Atoi(name); err == nil {
		uid, known = n, true
	}
	if !known {
		err := &execdriver.StartError{Step: "find user", Object: name, Err: errors.New("no such user in the container's /etc/passwd")}
		return nil, errdefs.As(errdefs.KindInvalidArgument, err)
	}
	p.uid = uid
	if spec.OpenStdin || spec.Tty {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, &execdriver.StartError{Step: "stdin", Err: err}
		}
		p.stdin, p.input = r, w
	}
	return p, nil
}

func newProcess(cmd *execdriver.Command, pid int) (*process, error) {
	p, err := bareProcess(cmd.ID, &cmd.Process, pid)
	if err != nil {
		return nil, err
	}
	if len(cmd.Root) == 1 && slices.Contains([]string{"bind", "none", ""}, cmd.Root[0].Type) {
		p.root = cmd.Root[0].Source
	}
	p.resources = cmd.Resources
	if cmd.Log.Logs() {
		f, err := os.OpenFile(cmd.Log.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, &execdriver.StartError{Step: "log", Object: cmd.Log.Path, Err: err}
		}
		p.log = f
	}
	return p, nil
}

// run runs the workload to its end and releases what it had.
func (p *process) run(script command) execdriver.Exit {
	code, _ := script(p)
	p.mu.Lock()
	if p.cause != 0 {
		code = 128 + p.cause
	}
	outs := p.outs
	p.outs = nil
	p.mu.Unlock()
	for _, o := range outs {
		closeOutput(o)
	}
	p.closeStdin()
	if p.stdin != nil {
		p.stdin.Close()
	}
	if p.log != nil {
		p.log.Close()
	}
	exit := execdriver.Exit{ID: p.id, Code: code, At: time.Now().UTC()}
	if p.in != nil {
		exit.Container = p.in.id
	}
	return exit
}

func (p *process) setExit(e execdriver.Exit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exit = &e
}

func (p *process) state() execdriver.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := execdriver.State{ID: p.id, Pid: p.pid, StartedAt: p.started, Paused: p.frozen != nil && p.exit == nil}
	if p.exit != nil {
		exit := *p.exit
		s.Exit = &exit
	}
	return s
}

// signal does what the default action of a signal would do.
func (p *process) signal(sig int) {
	switch syscall.Signal(sig) {
	case syscall.SIGCHLD, syscall.SIGWINCH, syscall.SIGURG, syscall.SIGCONT, syscall.SIGSTOP, 0:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause != 0 || p.exit != nil || (sig == sigTerm && p.ignoreTerm) {
		return
	}
	if p.frozen != nil && sig != sigKill {
		p.pending = append(p.pending, sig)
		return
	}
	p.cause = sig
	close(p.killed)
	for _, o := range p.outs { // a write that waits for its reader ends
		for _, f := range []*os.File{o.Stdout, o.Stderr} {
			if f != nil {
				_ = f.SetWriteDeadline(time.Now()) // regular files have none
			}
		}
	}
	if p.stdin != nil {
		_ = p.stdin.SetReadDeadline(time.Now())
	}
}

func (p *process) attach(out execdriver.Output) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exit != nil || p.cause != 0 {
		closeOutput(out)
		return
	}
	p.outs = append(p.outs, out)
}

func (p *process) openStdin() (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.input == nil {
		return nil, errdefs.NotFound("container %s has no open stdin", p.id)
	}
	conn, err := p.input.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, dupErr := -1, error(nil)
	if err := conn.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, dupErr
	}
	return os.NewFile(uintptr(fd), "stdin"), nil
}

func (p *process) closeStdin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.input != nil {
		p.input.Close()
		p.input = nil
	}
}

func (p *process) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen == nil {
		p.frozen = make(chan struct{})
	}
}

// thaw lets the workload go on, and take the signals that came meanwhile.
func (p *process) thaw() {
	p.mu.Lock()
	frozen, pending := p.frozen, p.pending
	p.frozen, p.pending = nil, nil
	p.mu.Unlock()
	for _, sig := range pending {
		p.signal(sig)
	}
	if frozen != nil {
		close(frozen)
	}
}

// gate is where a frozen workload stands still.
func (p *process) gate() {
	p.mu.Lock()
	frozen := p.frozen
	p.mu.Unlock()
	if frozen == nil {
		return
	}
	select {
	case <-frozen:
	case <-p.killed:
	}
}

// write puts text on one stream: into the log, line by line, and to everybody
// who is attached. A receiver that is gone is forgotten; one that is slow makes
// the workload wait, as a full pipe does.
func (p *process) write(text string, toStderr bool) {
	p.gate()
	stream := "stdout"
	if toStderr && !p.tty {
		stream = "stderr"
	}
	if p.log != nil {
		entry := struct {
			Log    string    `json:"log"`
			Stream string    `json:"stream"`
			Time   time.Time `json:"time"`
		}{text, stream, time.Now().UTC()}
		if line, err := json.Marshal(entry); err == nil {
			_, _ = p.log.Write(append(line, '\n')) // a full disk must not stop the workload
		}
	}
	p.mu.Lock()
	outs := slices.Clone(p.outs)
	p.mu.Unlock()
	for _, o := range outs {
		f := o.Stdout
		if stream == "stderr" {
			f = o.Stderr
		}
		if f == nil {
			continue
		}
		if _, err := io.WriteString(f, text); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			p.detach(o)
		}
	}
}

func (p *process) detach(gone execdriver.Output) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outs = slices.DeleteFunc(p.outs, func(o execdriver.Output) bool { return o == gone })
	closeOutput(gone)
}

// sleep waits and tells whether the time passed without a signal.
func (p *process) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		p.gate()
		return !p.dead()
	case <-p.killed:
		return false
	}
}
