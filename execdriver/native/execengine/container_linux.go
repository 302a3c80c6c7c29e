package execengine

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/native/execproto"
	"github.com/enginejobs/docker/execdriver/native/pidfd"
	"github.com/enginejobs/docker/pkg/cgroups"
)

// outputGrace is how long the end of a container waits for output that somebody
// else than its processes keeps open, or for receivers that do not read.
const outputGrace = 3 * time.Second

// unknownCode is the exit code of a container of which nobody was left to tell.
const unknownCode = 255

// container is one container. Its descriptors are its own until it has ended.
type container struct {
	id      string
	group   *cgroups.Group
	pidfd   *os.File
	journal *journal
	log     *log
	streams []*stream
	mounts  int             // its mount namespace, -1 when not held
	child   bool            // our own child, else adopted
	life    context.Context // of its first process
	end     context.CancelFunc
	cleaned chan struct{}
	told    chan int // exit code of an adopted one, from the daemon

	mu     sync.Mutex // guards everything below
	record execproto.Record
	exit   *execproto.Exit
	ready  bool     // it has been started, and is seen by others
	stdin  *os.File // nil: none, or closed, or the terminal
}

func newContainer(id string) *container {
	c := &container{id: id, mounts: -1, cleaned: make(chan struct{}), told: make(chan int, 1)}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

func (c *container) started() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ready
}

// running is also true while it starts.
func (c *container) running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exit == nil
}

func (c *container) isCleaned() bool {
	select {
	case <-c.cleaned:
		return true
	default:
		return false
	}
}

// state gives a copy of the record, with the exit once there is one.
func (c *container) state() execproto.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.record
	r.Exit = c.exit
	return r
}

// watch starts what looks after a running container.
func (e *execEngine) watch(c *container) {
	c.mu.Lock()
	c.ready = true
	c.mu.Unlock()
	logf := func(format string, a ...any) { e.logf("container "+c.id+": "+format, a...) }
	if c.log != nil {
		c.log.run(logf)
	}
	for _, s := range c.streams {
		go s.run(logf)
	}
	go e.await(c)
}

// await waits for the end of the container, then for the end of its output,
// records the exit and tells it, in this order.
func (e *execEngine) await(c *container) {
	exit := &execproto.Exit{ID: c.id, Code: c.wait(), At: time.Now().UTC()}
	c.end() // no further process starts
	if c.child {
		e.disown(c.record.Pid)
	}
	if !c.record.OwnPID {
		// Without a pid namespace of their own the others would live on.
		if err := c.group.Kill(); err != nil {
			e.logf("container %s: killing what it left: %v", c.id, err)
		}
	}
	c.drain(exit.At.Add(outputGrace))
	if c.log != nil {
		c.log.settle()
	}
	exit.OOMKilled = c.group.OOMKills() > 0
	if err := appendExit(e.dir, exit); err != nil {
		e.logf("%v", err)
	}
	c.mu.Lock()
	c.exit = exit
	c.mu.Unlock()
	e.announce(exit)
	runtime.Gosched() // who tells it goes first
	c.release()
	var both sync.WaitGroup
	both.Go(c.letGoOfMounts)
	if err := c.group.Remove(); err != nil {
		e.logf("container %s: removing cgroup: %v", c.id, err)
	}
	both.Wait()
	close(c.cleaned)
	e.linger()
}

// holdMounts keeps the container's mounts beyond its end. To unmount its root
// makes the file system below sync, and without this the dying process would
// wait for it before anybody can see its end.
func (c *container) holdMounts() {
	fd, err := unix.Open("/proc/"+strconv.Itoa(c.record.Pid)+"/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		c.mounts = fd
	} // else its end takes longer
}

func (c *container) letGoOfMounts() {
	if c.mounts >= 0 {
		unix.Close(c.mounts)
		c.mounts = -1
	}
}

// drain waits until all output is copied.
func (c *container) drain(deadline time.Time) {
	for _, s := range c.streams {
		s.hurry(deadline)
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for _, s := range c.streams {
		select {
		case <-s.done:
		case <-timer.C:
			timer.Reset(0) // the others get no more time either
			s.stop()
			<-s.done
		}
	}
}

// release closes all descriptors.
func (c *container) release() {
	for _, s := range c.streams {
		_ = s.f.Close() // read to the end
	}
	if c.journal != nil {
		c.journal.close()
	}
	if c.log != nil {
		c.log.close()
	}
	c.mu.Lock()
	stdin := c.stdin
	c.stdin = nil
	c.mu.Unlock()
	if stdin != nil {
		_ = stdin.Close() // nobody reads it any more
	}
	if c.pidfd != nil {
		_ = c.pidfd.Close()
	}
}

// handOut duplicates the descriptors that the daemon keeps. A container that
// outlived both has only the first.
func (c *container) handOut() ([]*os.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exit != nil {
		return nil, errdefs.Conflict("container %s has ended", c.id)
	}
	list := []*os.File{c.pidfd}
	if c.journal != nil {
		list = append(list, c.journal.f)
	}
	for _, s := range c.streams {
		list = append(list, s.f)
	}
	if c.stdin != nil {
		list = append(list, c.stdin)
	}
	out := make([]*os.File, 0, len(list))
	for _, f := range list {
		dup, err := duplicate(f)
		if err != nil {
			return out, err
		}
		out = append(out, dup)
	}
	return out, nil
}

// duplicate does not use File.Fd, which would make the shared description block.
func duplicate(f *os.File) (*os.File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var dup int
	var failure error
	err = raw.Control(func(fd uintptr) { dup, failure = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, failure); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(dup), f.Name()), nil
}

// wait waits for the end of the process and returns its exit code.
func (c *container) wait() int {
	if c.child {
		return awaitChild(c.pidfd, c.record.Pid)
	}
	raw, err := c.pidfd.SyscallConn()
	if err == nil {
		err = raw.Read(pidfd.Ended)
	}
	if err != nil {
		return unknownCode
	}
	return c.adoptedCode(raw)
}

// alive asks the kernel whether the first process runs.
func (c *container) alive() bool {
	if !c.running() {
		return false
	}
	raw, err := c.pidfd.SyscallConn()
	ended := true
	if err == nil {
		err = raw.Control(func(fd uintptr) { ended = pidfd.Ended(fd) })
	}
	return err == nil && !ended
}

// awaitChild waits for the end of a child, collects it and returns its exit code.
func awaitChild(process *os.File, pid int) int {
	raw, err := process.SyscallConn()
	code := unknownCode
	if err == nil {
		err = raw.Read(func(uintptr) (over bool) {
			code, over = reap(pid)
			return over
		})
	}
	if err != nil {
		return unknownCode
	}
	return code
}

// reap collects the status of a child, if it has ended.
func reap(pid int) (code int, over bool) {
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(pid, &ws, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return unknownCode, true
		case got == 0:
			return 0, false
		}
		return pidfd.Code(ws), true
	}
}

// adoptedCode finds out how a process ended that is not our child. Its parent
// collects it; if that is the daemon, it tells us. Recent kernels also keep the
// status for those who hold a pidfd.
func (c *container) adoptedCode(raw syscall.RawConn) int {
	for wait := time.Millisecond; wait < 3*time.Second; wait *= 2 {
		code, known := unknownCode, false
		err := raw.Control(func(fd uintptr) {
			var ws unix.WaitStatus
			if ws, known = pidfd.Status(int(fd)); known {
				code = pidfd.Code(ws)
			}
		})
		if err != nil || known {
			return code
		}
		if ws, ok := pidfd.Zombie(c.record.Pid, c.record.StartTime); ok { // whoever has it may take long
			return pidfd.Code(ws)
		}
		select {
		case code := <-c.told:
			return code
		case <-time.After(wait):
		}
	}
	return unknownCode
}
