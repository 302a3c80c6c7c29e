package execengine

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/native/execproto"
	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// execution is one more process of a container. It writes into the daemon's
// pipes by itself; we only keep them open, see guard_linux.go. How it ends is
// not recorded: when we are killed the daemon collects it, and when the daemon
// is, nobody is left who knows it.
type execution struct {
	id     string
	c      *container
	pid    int
	pidfd  *os.File
	guards guards
}

// joining is one start of an execution.
type joining struct {
	conversation
	e      *execEngine
	spec   execproto.ExecSpec
	x      *execution
	target *os.File            // pidfd of the container's first process
	files  map[string]*os.File // what came with the job
	child  [3]*os.File
	joiner int // its pid
	pidfd  *os.File
	answer execproto.Executed
}

// jobExec starts an execution.
func (e *execEngine) jobExec(job *engine.Job) error {
	l := &joining{e: e, conversation: conversation{begin: monotonic()}}
	defer l.letGo()
	if err := l.nameFiles(job); err != nil {
		return err
	}
	if err := job.GetenvJson("spec", &l.spec); err != nil {
		return err
	}
	setup, err := io.ReadAll(job.Stdin)
	if err != nil {
		return err
	}
	if err := l.reserve(job.Args[0]); err != nil {
		return err
	}
	l.phase("receive")
	err = l.run(job.Context(), setup)
	l.answer.Warnings, l.answer.Phases = l.warnings, l.phases
	if err != nil {
		return l.failed(job, err)
	}
	l.answer.Pid, l.answer.StartedAt = l.x.pid, time.Now().UTC()
	for _, f := range []*os.File{l.x.pidfd, l.console} {
		if f == nil {
			continue
		}
		dup, err := duplicate(f)
		if err != nil {
			e.logf("exec %s: duplicating its descriptors: %v", l.x.id, err)
			continue
		}
		job.AddResultFile(dup)
	}
	l.x.guards.add(l.console)
	l.console = nil
	go e.awaitExecution(l.x)
	return job.WriteJSON(&l.answer)
}

// nameFiles pairs the files of the job with what they are for.
func (l *joining) nameFiles(job *engine.Job) error {
	files := job.Files
	job.Files = nil
	var names []string
	if list := job.Getenv("attach"); list != "" {
		names = strings.Split(list, ",")
	}
	if len(names) != len(files) {
		closeAll(files)
		return errdefs.InvalidArgument("%d files came for attach=%q", len(files), names)
	}
	l.files = map[string]*os.File{}
	for i, name := range names {
		if l.files[name] != nil {
			closeAll(files[i:])
			return errdefs.InvalidArgument("two files came for %q", name)
		}
		l.files[name] = files[i]
	}
	return nil
}

// reserve makes an id taken by an execution that is about to start.
func (l *joining) reserve(id string) error {
	c, err := l.e.get(l.spec.Container)
	if err != nil {
		return err
	}
	if !c.running() {
		return errNotRunning(c)
	}
	l.e.mu.Lock()
	defer l.e.mu.Unlock()
	if l.e.execs[id] != nil || l.e.containers[id] != nil {
		return errdefs.Conflict("the id %s is taken", id)
	}
	l.x = &execution{id: id, c: c}
	l.e.execs[id] = l.x
	return nil
}

func errNotRunning(c *container) error { return errdefs.Conflict("container %s is not running", c.id) }

func (e *execEngine) forgetExecution(x *execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.execs[x.id] == x {
		delete(e.execs, x.id)
	}
}

// run starts the joiner, gives it its orders and waits until the process has
// executed.
func (l *joining) run(ctx context.Context, setup []byte) error {
	if err := l.open(); err != nil {
		return &initproto.Failure{Step: "open streams", Text: err.Error()}
	}
	if err := l.openStreams(); err != nil {
		return &initproto.Failure{Step: "open streams", Text: err.Error()}
	}
	var err error
	if l.target, err = duplicate(l.x.c.pidfd); err != nil {
		return err
	}
	if err := l.fork(); err != nil {
		return err
	}
	l.phase("clone")
	l.onChild = l.adopt
	// Whoever waits in the kernel ends by a signal; what is frozen does not until
	// it goes on, and is not waited for.
	giveUp := func() {
		kill(l.pidfd)
		_ = l.sync.SetDeadline(time.Unix(1, 0))
	}
	defer context.AfterFunc(ctx, giveUp)()
	defer context.AfterFunc(l.x.c.life, giveUp)()
	if err = l.order(setup); err == nil {
		err = l.listen()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l.phase("joiner")
	return err
}

// openStreams opens what the process gets: descriptions of its own of the
// daemon's pipes, which block as workloads expect, while the daemon's do not.
func (l *joining) openStreams() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	l.child = [3]*os.File{null, null, null}
	if l.spec.Tty {
		return nil
	}
	for i, name := range []string{"stdin", "stdout", "stderr"} {
		f := l.files[name]
		if f == nil {
			continue
		}
		if i == 0 {
			if l.child[0], err = reopen(f, unix.O_RDONLY); err != nil {
				return err
			}
			continue
		}
		// First the reading end: without any reader there is no writing end.
		if r, err := reopen(f, unix.O_RDONLY|unix.O_NONBLOCK); err == nil {
			l.x.guards.add(r)
		} // else it is no pipe
		if l.child[i], err = reopen(f, unix.O_WRONLY); err != nil {
			l.child[i], l.files[name] = f, nil
		}
	}
	return nil
}

// reopen opens an end of a pipe that we have the other or the same end of.
func reopen(f *os.File, flags int) (*os.File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	opened := -1
	var failure error
	err = raw.Control(func(fd uintptr) {
		var st unix.Stat_t
		if failure = unix.Fstat(int(fd), &st); failure == nil && st.Mode&unix.S_IFMT != unix.S_IFIFO {
			failure = unix.ENXIO
		}
		if failure == nil {
			opened, failure = unix.Open("/proc/self/fd/"+strconv.Itoa(int(fd)), flags|unix.O_CLOEXEC, 0)
		}
	})
	if err = errors.Join(err, failure); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(opened), f.Name()), nil
}

// fork starts the joiner.
func (l *joining) fork() error {
	raw, err := l.target.SyscallConn()
	if err != nil {
		return err
	}
	pidfd := -1
	var failure error
	l.e.forks.RLock()
	err = raw.Control(func(target uintptr) {
		l.joiner, failure = syscall.ForkExec("/proc/self/exe",
			[]string{"dockerinit", initproto.RoleExec, strconv.Itoa(l.x.c.record.Pid)}, &syscall.ProcAttr{
				Env:   []string{"GOMAXPROCS=1", "GOGC=off"},
				Files: []uintptr{l.child[0].Fd(), l.child[1].Fd(), l.child[2].Fd(), l.remote.Fd(), target},
				Sys:   &syscall.SysProcAttr{PidFD: &pidfd},
			})
	})
	if err = errors.Join(err, failure); err == nil {
		l.e.own(l.joiner)
	}
	l.e.forks.RUnlock()
	if err != nil {
		return &initproto.Failure{Step: "start joiner", Text: err.Error()}
	}
	_ = l.remote.Close() // the joiner has it
	l.remote = nil
	if err := unix.SetNonblock(pidfd, true); err != nil {
		return err
	}
	l.pidfd = os.NewFile(uintptr(pidfd), "pidfd")
	return nil
}

// adopt makes the process known that the joiner has made, and lets it go on.
func (l *joining) adopt(pid int, pidfd *os.File) error {
	if l.x.pidfd != nil {
		_ = pidfd.Close()
		return &initproto.Failure{Step: "start process", Text: "it came twice"}
	}
	l.e.own(pid)
	l.x.pid, l.x.pidfd = pid, pidfd
	_, _ = l.sync.Write([]byte{0}) // if it is not there any more, it does not get ready
	return nil
}

// letGo closes what is of no use any more, however the start went.
func (l *joining) letGo() {
	for i, f := range l.child {
		if f != nil && (i == 0 || f != l.child[0]) {
			_ = f.Close() // the process has it
		}
	}
	if life := l.files["life"]; life != nil && l.x != nil && l.x.pidfd != nil && l.answer.Pid != 0 {
		if l.x.guards.watch(life) {
			delete(l.files, "life")
		}
	}
	for _, f := range l.files {
		closeAll([]*os.File{f})
	}
	closeAll([]*os.File{l.sync, l.remote, l.console, l.target})
	if l.pidfd != nil {
		go func() { // it exits, or was killed
			_ = awaitChild(l.pidfd, l.joiner)
			_ = l.pidfd.Close()
			l.e.disown(l.joiner)
		}()
	}
}

// failed ends what a failed start has made and says why it failed.
func (l *joining) failed(job *engine.Job, err error) error {
	x := l.x
	if l.pidfd != nil {
		kill(l.pidfd)
	}
	if x.pidfd != nil {
		kill(x.pidfd)
		go func() { // it may be frozen
			_ = awaitChild(x.pidfd, x.pid)
			l.e.disown(x.pid)
			_ = x.pidfd.Close()
			l.e.forgetExecution(x)
		}()
	} else {
		// A joiner that could not report may have made a process that nobody
		// knows. It ends by itself, and has to be collected.
		var f *initproto.Failure
		if l.pidfd != nil && (!errors.As(err, &f) || f.Step == "init") {
			l.e.watchOrphans()
			time.AfterFunc(time.Second, l.e.collectOrphans)
		}
		l.e.forgetExecution(x)
	}
	x.guards.close()
	if l.isDying(err) {
		return errNotRunning(x.c)
	}
	l.answer.Failure = describe(err)
	return errors.Join(err, job.WriteJSON(&l.answer))
}

// deathPatience is how long a container may take that looks as if it was dying: its
// first process ends after all others are collected.
const deathPatience = 500 * time.Millisecond

// isDying tells whether a start failed because the container was about to end. In
// that state nothing can be born in its pid namespace, what was is killed, and
// there is nothing left to join.
func (l *joining) isDying(err error) bool {
	c := l.x.c
	if !c.alive() {
		return true
	}
	var f *initproto.Failure
	if !errors.As(err, &f) || f.Step != "init" && f.Step != "start process" && f.Step != "join namespace" {
		return false
	}
	select {
	case <-c.life.Done():
		return true
	case <-time.After(deathPatience):
		return false
	}
}

// awaitExecution waits for the end and tells it.
func (e *execEngine) awaitExecution(x *execution) {
	code := awaitChild(x.pidfd, x.pid)
	e.disown(x.pid)
	exit := &execproto.Exit{ID: x.id, Container: x.c.id, Code: code, At: time.Now().UTC()}
	e.forgetExecution(x)
	e.announce(exit)
	runtime.Gosched() // who tells it goes first
	x.guards.close()
	_ = x.pidfd.Close()
}
