package spawn

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
)

// The child knows itself by this variable; its socket is descriptor 3.
const (
	mark     = "ENGINESPAWN"
	socketFD = 3
)

const defaultGrace = 5 * time.Second

// Options say how a sub-engine is started. The zero value starts the running
// program again, with an empty environment and the same rights.
type Options struct {
	Path   string               // program that calls Main first; "": the running one
	Args   []string             // its arguments, without the name
	Env    []string             // its whole environment, KEY=VALUE; nothing is inherited
	Dir    string               // where it runs; "": /
	Stderr io.Writer            // takes what it writes to stdout and stderr; nil: dropped
	Sys    *syscall.SysProcAttr // credentials, namespaces, session; nil: as the parent
	Grace  time.Duration        // between asking it to end and killing it; 0: 5 s
	ID     string               // of the own engine, as the child hears it; may be empty

	// For Supervise alone:
	Patience time.Duration                    // how long a job waits for a child to come back; 0: 5 s
	Logf     func(format string, args ...any) // told of ends and failed starts; nil: nobody
}

// Sub is an engine in a child process. Close it when done.
type Sub struct {
	conn *wire.Conn
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended and was collected

	mu  sync.Mutex // guards err
	err error      // how it ended
}

// Start starts a sub-engine and waits until it answers. The error is of kind
// Unavailable when the process cannot be started or ends before.
func Start(o Options) (*Sub, error) {
	if os.Getenv(mark) != "" {
		return nil, errdefs.Conflict("starting a sub-engine: this process is one itself and has not called spawn.Main; call it first thing in main")
	}
	if o.Path == "" {
		o.Path = "/proc/self/exe"
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, errdefs.Unavailable("starting a sub-engine: making its socket: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "spawn")
	s := &Sub{cmd: command(&o, theirs), done: make(chan struct{})}
	err = s.cmd.Start()
	_ = theirs.Close() // the child has its own
	if err != nil {
		unix.Close(pair[0])
		return nil, errdefs.Unavailable("starting the sub-engine %s: %w", o.Path, err)
	}
	p, err := newPackets(pair[0])
	if err == nil {
		s.conn, err = wire.NewConn(p, wire.ConnOptions{ID: o.ID})
	}
	if err != nil {
		// It has most likely ended, and how is worth to know.
		kill := time.AfterFunc(time.Second, func() { _ = s.cmd.Process.Kill() })
		end := s.cmd.Wait()
		kill.Stop()
		return nil, errdefs.Unavailable("the sub-engine %s does not answer (%s); does it call spawn.Main first? %w", o.Path, ended(end), err)
	}
	go s.collect()
	go s.watch(o.Grace)
	return s, nil
}

// command is the process that will be the child.
func command(o *Options, socket *os.File) *exec.Cmd {
	cmd := &exec.Cmd{
		Path: o.Path, Args: append([]string{o.Path}, o.Args...), Dir: o.Dir,
		Env:    append(append([]string{}, o.Env...), mark+"=1"),
		Stdout: o.Stderr, Stderr: o.Stderr, ExtraFiles: []*os.File{socket}, SysProcAttr: o.Sys,
		WaitDelay: time.Second, // what the child leaves behind may hold stderr
	}
	if o.Path == "/proc/self/exe" {
		cmd.Args[0] = os.Args[0]
	}
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	return cmd
}

// collect takes the end of the process, so that no zombie is left.
func (s *Sub) collect() {
	err := s.cmd.Wait()
	s.mu.Lock()
	s.err = errdefs.Unavailable("the sub-engine has ended: %s", ended(err))
	s.mu.Unlock()
	_ = s.conn.Close() // it has ended with the process
	close(s.done)
}

// watch kills a child that stays after its connection has ended.
func (s *Sub) watch(grace time.Duration) {
	if grace <= 0 {
		grace = defaultGrace
	}
	<-s.conn.Done()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
		_ = s.cmd.Process.Kill() // it may have ended just now
	}
}

func ended(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "exit status 0"
	case errors.As(err, &exit):
		return exit.Error()
	}
	return fmt.Sprintf("unknown: %v", err)
}

// Handle carries a job out in the child. It is an engine.Handler, for single
// names or as the catch-all. When the child dies the error is Unavailable.
func (s *Sub) Handle(job *engine.Job) error { return s.conn.Handle(job) }

// Done is closed when the process has ended and was collected.
func (s *Sub) Done() <-chan struct{} { return s.done }

// Err tells how the process has ended; nil while it runs.
func (s *Sub) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// PID is the number of the process.
func (s *Sub) PID() int { return s.cmd.Process.Pid }

// Close asks the child to end by closing its connection, which cancels its jobs;
// when it has not ended after the grace period it is killed. Close returns when
// the process was collected.
func (s *Sub) Close() error {
	err := s.conn.Close()
	<-s.done
	return err
}
