package execengine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/native/execproto"
	"github.com/enginejobs/docker/execdriver/native/initproto"
	"github.com/enginejobs/docker/execdriver/native/pidfd"
	"github.com/enginejobs/docker/pkg/cgroups"
)

// launch is one start of a container. What it makes is let go of by fail unless
// the start succeeds.
type launch struct {
	conversation
	e      *execEngine
	spec   execproto.Spec
	c      *container
	answer execproto.Launched
	child  [3]*os.File // the workload's ends of stdin, stdout, stderr
	out    [streamsMax]*os.File
	stdin  *os.File
}

// jobLaunch starts a container. The start of the init overlaps with the making
// of its cgroups: on hosts with v1 hierarchies it enters them by itself.
func (e *execEngine) jobLaunch(job *engine.Job) error {
	l := &launch{e: e, conversation: conversation{begin: monotonic()}}
	attach, err := receivers(job)
	if err != nil {
		return err
	}
	if err := job.GetenvJson("spec", &l.spec); err != nil {
		closeAll(attach[:])
		return err
	}
	setup, err := io.ReadAll(job.Stdin)
	if err == nil && l.spec.ID != job.Args[0] {
		err = errdefs.InvalidArgument("the spec is for container %q", l.spec.ID)
	}
	if err != nil {
		closeAll(attach[:])
		return err
	}
	l.c = newContainer(l.spec.ID)
	if err := e.reserve(job.Context(), l.c); err != nil {
		closeAll(attach[:])
		return err
	}
	l.phase("receive")
	if err := l.run(job.Context(), setup); err != nil {
		closeAll(attach[:])
		l.fail()
		e.forget(l.c)
		l.answer.Failure = describe(err)
		l.answer.Warnings, l.answer.Phases = l.warnings, l.phases
		return errors.Join(err, job.WriteJSON(&l.answer))
	}
	l.c.attach(attach)
	files, err := l.c.handOut()
	if err != nil {
		e.logf("container %s: duplicating its descriptors: %v", l.c.id, err)
	}
	for _, f := range files {
		job.AddResultFile(f)
	}
	r := l.c.state()
	l.answer.Record = &r
	l.answer.Warnings, l.answer.Phases = l.warnings, l.phases
	e.watch(l.c)
	return job.WriteJSON(&l.answer)
}

// run starts the init, gives it its orders and waits until it has executed the
// workload.
func (l *launch) run(ctx context.Context, setup []byte) error {
	if err := l.openStreams(); err != nil {
		return &initproto.Failure{Step: "open streams", Text: err.Error()}
	}
	if l.e.layout.V2 {
		if err := l.makeGroup(); err != nil {
			return err
		}
	}
	if err := l.fork(); err != nil {
		return err
	}
	l.phase("clone")
	if !l.e.layout.V2 {
		if err := l.makeGroup(); err != nil {
			return err
		}
	}
	l.phase("cgroup")
	var err error
	if l.c.log, err = openLog(&l.spec.Log, l.e.compressing); err != nil {
		return &initproto.Failure{Step: "open log", Object: l.spec.Log.Path, Text: err.Error()}
	}
	if l.c.journal, err = newJournal(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, l.kill)
	defer stop()
	if err := l.converse(setup); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	l.phase("init")
	return l.adopt()
}

// openStreams makes the pipes of the workload and the conversation. A terminal
// is made by the init, of the container's own.
func (l *launch) openStreams() error {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	l.child = [3]*os.File{null, null, null}
	if !l.spec.Tty {
		for i := range l.out {
			if l.out[i], l.child[1+i], err = pipe(readEnd); err != nil {
				return err
			}
		}
		if l.spec.OpenStdin {
			var r *os.File
			if r, l.stdin, err = pipe(writeEnd); err != nil {
				return err
			}
			_ = null.Close() // nothing was written to it
			l.child[0] = r
		}
	}
	return l.open()
}

// Ends of a pipe.
const (
	readEnd  = 0
	writeEnd = 1
)

// pipe makes a pipe. Our end does not block, so that no thread waits on it; the
// other one is the workload's, which expects to be blocked.
func pipe(ours int) (r, w *os.File, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(p[ours], true); err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(p[readEnd]), "|0"), os.NewFile(uintptr(p[writeEnd]), "|1"), nil
}

// makeGroup makes the control group.
func (l *launch) makeGroup() error {
	group, warnings, err := l.e.layout.Create(l.spec.CgroupParent, l.spec.ID, &l.spec.Limits)
	if err != nil {
		return &initproto.Failure{Step: "cgroup", Text: err.Error()}
	}
	l.c.group = group
	l.warnings = append(l.warnings, warnings...)
	return nil
}

// fork clones the init into its namespaces.
func (l *launch) fork() error {
	pidfd := -1
	attr := &syscall.ProcAttr{
		Env:   []string{"GOMAXPROCS=1", "GOGC=off"},
		Files: []uintptr{l.child[0].Fd(), l.child[1].Fd(), l.child[2].Fd(), l.remote.Fd()},
		Sys:   &syscall.SysProcAttr{Cloneflags: uintptr(l.spec.CloneFlags), PidFD: &pidfd},
	}
	if l.e.layout.V2 {
		dir, err := unix.Open(l.c.group.Paths[""], unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &initproto.Failure{Step: "open cgroup", Object: l.c.group.Paths[""], Text: err.Error()}
		}
		defer unix.Close(dir)
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, dir
	}
	if l.spec.CloneFlags&unix.CLONE_NEWPID == 0 {
		l.e.watchOrphans()
	}
	l.e.forks.RLock()
	pid, err := l.forkIn(attr)
	if err == nil {
		l.e.own(pid)
	}
	l.e.forks.RUnlock()
	if err != nil {
		return err
	}
	l.c.child = true
	l.c.record.Pid = pid
	l.closeChildEnds()
	if err := unix.SetNonblock(pidfd, true); err != nil {
		return fmt.Errorf("preparing pidfd: %w", err)
	}
	l.c.pidfd = os.NewFile(uintptr(pidfd), "pidfd")
	return nil
}

// forkIn forks in the pid namespace that the spec asks for. Only children of a
// thread can be put into one, so the thread goes there and comes back.
func (l *launch) forkIn(attr *syscall.ProcAttr) (int, error) {
	if l.spec.PIDPath != "" {
		runtime.LockOSThread()
		own, err := unix.Open("/proc/thread-self/ns/pid", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return 0, &initproto.Failure{Step: "join namespace", Object: l.spec.PIDPath, Text: err.Error()}
		}
		defer unix.Close(own)
		ns, err := unix.Open(l.spec.PIDPath, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(ns, unix.CLONE_NEWPID)
			unix.Close(ns)
		}
		if err != nil {
			runtime.UnlockOSThread()
			return 0, &initproto.Failure{Step: "join namespace", Object: l.spec.PIDPath, Text: err.Error()}
		}
		defer func() {
			// A thread that cannot come back ends with this goroutine.
			if unix.Setns(own, unix.CLONE_NEWPID) == nil {
				runtime.UnlockOSThread()
			}
		}()
	}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"dockerinit", initproto.RoleInit}, attr)
	if err != nil {
		return 0, &initproto.Failure{Step: "start init", Text: err.Error()}
	}
	return pid, nil
}

func (l *launch) closeChildEnds() {
	for i, f := range l.child {
		if f != nil && (i == 0 || f != l.child[0]) {
			_ = f.Close() // the init has it
		}
	}
	l.child = [3]*os.File{}
	if l.remote != nil {
		_ = l.remote.Close() // the init has it
		l.remote = nil
	}
}

// kill ends a start that is not wanted any more.
func (l *launch) kill() { kill(l.c.pidfd) }

func kill(pidfd *os.File) {
	raw, err := pidfd.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.PidfdSendSignal(int(fd), unix.SIGKILL, nil, 0) })
	}
}

// adopt turns what was made into a container that runs.
func (l *launch) adopt() error {
	c := l.c
	if l.spec.Tty {
		if l.console == nil {
			return &initproto.Failure{Step: "open terminal", Text: "the init sent none"}
		}
		l.out[0] = l.console
		l.console = nil
	}
	for i, f := range l.out {
		if f == nil {
			continue
		}
		s, err := newStream(i, c.record.Tty, f, c.journal, c.log)
		if err != nil {
			return err
		}
		c.streams = append(c.streams, s)
	}
	c.stdin = l.stdin
	c.record.StartedAt = time.Now().UTC()
	return confirmDraft(l.e.dir, c.id)
}

// note writes the draft of the record. It happens while the init is at work: from
// here on whoever finds it finds the process too, also when we are killed.
func (l *launch) note() error {
	c := l.c
	c.holdMounts()
	started, err := pidfd.StartTime(c.record.Pid)
	if err != nil {
		return err
	}
	c.record = execproto.Record{
		ID: c.id, Pid: c.record.Pid, StartTime: started, StartedAt: time.Now().UTC(), Log: l.spec.Log,
		Group: c.group, Tty: l.spec.Tty, OpenStdin: l.spec.OpenStdin,
		OwnPID: l.spec.CloneFlags&unix.CLONE_NEWPID != 0,
	}
	err = writeDraft(l.e.dir, &c.record)
	l.phase("record")
	return err
}

// fail lets go of everything that a failed start has made.
func (l *launch) fail() {
	c := l.c
	l.closeChildEnds()
	if c.pidfd != nil {
		l.kill()
		_ = c.wait() // its exit code says nothing that the failure does not
		l.e.disown(c.record.Pid)
	}
	for _, f := range []*os.File{l.sync, l.stdin, l.console, l.out[0], l.out[1]} {
		if f != nil {
			_ = f.Close() // nobody has written to it
		}
	}
	c.streams, c.stdin = nil, nil
	c.release()
	c.letGoOfMounts()
	if c.group == nil {
		c.group = &cgroups.Group{}
	}
	if err := c.group.Remove(); err != nil {
		l.e.logf("container %s: removing cgroup: %v", c.id, err)
	}
	if err := removeRecord(l.e.dir, c.id); err != nil {
		l.e.logf("container %s: removing record: %v", c.id, err)
	}
	close(c.cleaned)
}

// describe makes the part of the answer that says what failed.
func describe(err error) *execproto.Failure {
	var f *initproto.Failure
	if errors.As(err, &f) {
		return &execproto.Failure{Step: f.Step, Object: f.Object, Errno: f.Errno, Text: f.Text}
	}
	return &execproto.Failure{Step: "launch", Text: err.Error()}
}
