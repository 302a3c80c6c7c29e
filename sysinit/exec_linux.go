package sysinit

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// Exec adds a process to a running container. This process, the joiner, stays out
// of the container's pid namespace, so that nobody inside can see, signal or
// trace it, while it enters the others, looks things up and lowers its rights.
// Only then it makes the process itself, a copy that does no more than the
// kernel asks of it before it executes, and which is the exec engine's child like
// the first process of the container is. It returns the exit status.
//
// It holds no descriptor of the host but the standard streams, the conversation
// and the container's pidfd; the latter two do not pass into the workload.
func Exec(args []string) int {
	runtime.LockOSThread()
	unix.Umask(0o022)
	r := &reporter{fd: initproto.SyncFD}
	if err := keepDescriptors(); err != nil {
		return r.fail(err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return r.fail(errAt("forbid tracing", "", err))
	}
	s, err := r.setup()
	if err != nil {
		return r.fail(err)
	}
	r.timings = s.Timings
	r.phase("received")
	if err := confine(s); err != nil { // the child inherits it; in there is no /proc that knows this process
		return r.fail(err)
	}
	c := &child{sync: initproto.SyncFD, target: initproto.TargetFD, tty: s.Tty}
	if err := join(s, r, args, c); err != nil {
		return r.fail(err)
	}
	r.phase("join")
	p, err := prepare(s, nil)
	if err != nil {
		return r.fail(err)
	}
	r.phase("rights")
	if err := c.plan(s, p); err != nil {
		return r.fail(err)
	}
	pid, e := c.spawn()
	if e != 0 {
		return r.fail(errAt("start process", "", e))
	}
	r.send(initproto.TypeChild, initproto.EncodeChild(pid), int(c.pidfd))
	return 0
}

// join enters the container. What is on the host is opened before.
func join(s *initproto.Setup, r *reporter, args []string, c *child) error {
	if len(args) > 0 {
		openFilesOf(args[0], s)
	}
	if err := setOOMScore(s, r); err != nil {
		return err
	}
	var tasks []int
	for _, path := range s.Tasks {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return errAt("join cgroup", path, err)
		}
		tasks = append(tasks, fd)
	}
	if s.Into != "" {
		group, err := unix.Open(s.Into, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return errAt("join cgroup", s.Into, err)
		}
		c.into(group)
	}
	// A thread enters a mount namespace only when it shares no directories.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return errAt("join namespace", "", err)
	}
	// The pid namespace is that of children from here on. The one of cgroups is
	// entered by the child: from inside of it, groups cannot be joined everywhere.
	const all = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWPID
	if err := unix.Setns(initproto.TargetFD, all); err != nil {
		return errAt("join namespace", "", err)
	}
	if err := streams(s, r); err != nil {
		return err
	}
	for i, fd := range tasks {
		_, err := unix.Write(fd, []byte("0"))
		unix.Close(fd)
		if err != nil {
			return errAt("join cgroup", s.Tasks[i], err)
		}
	}
	for i := range s.Rlimits {
		l := &s.Rlimits[i]
		if err := setLimit(l, r); err != nil {
			return errAt("set limit", l.Name, err)
		}
	}
	return nil
}

func streams(s *initproto.Setup, r *reporter) error {
	if !s.Tty {
		return reopenNull()
	}
	master, _, err := openMaster(s)
	if err != nil {
		return err
	}
	defer unix.Close(master)
	return useTerminal(master, r)
}

// openFilesOf takes the limit of open files from the container's first process
// unless one is asked for: the Go runtime has raised ours, and what it was is
// not known any more.
func openFilesOf(pid string, s *initproto.Setup) {
	for i := range s.Rlimits {
		if s.Rlimits[i].Resource == unix.RLIMIT_NOFILE {
			return
		}
	}
	b, err := os.ReadFile("/proc/" + pid + "/limits")
	if err != nil {
		return // it has ended, which is found out next
	}
	_, rest, _ := bytes.Cut(b, []byte("Max open files"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	f := bytes.Fields(line)
	if len(f) < 2 {
		return
	}
	l := initproto.Rlimit{Resource: unix.RLIMIT_NOFILE, Name: "nofile", Soft: unix.RLIM_INFINITY, Hard: unix.RLIM_INFINITY}
	for i, to := range []*uint64{&l.Soft, &l.Hard} {
		if n, err := strconv.ParseUint(string(f[i]), 10, 64); err == nil {
			*to = n
		} // else it is "unlimited"
	}
	s.Rlimits = append(s.Rlimits, l)
}

// plan prepares all that the child needs.
func (c *child) plan(s *initproto.Setup, p *program) error {
	var err error
	if c.path, err = syscall.BytePtrFromString(p.path); err == nil {
		if c.argv, err = syscall.SlicePtrFromStrings(s.Args); err == nil {
			c.envp, err = syscall.SlicePtrFromStrings(p.env)
		}
	}
	if err != nil {
		return errAt("exec", s.Args[0], err)
	}
	c.noNewPrivs = s.NoNewPriv
	c.head = header()
	c.full, c.final = capData(p.all, p.all), capData(p.final, p.final)
	if len(s.Seccomp) > 0 {
		prog, err := filterProgram(s.Seccomp)
		if err != nil {
			return errAt("load seccomp filter", "", err)
		}
		c.filter, c.filterFlags = prog, uintptr(s.SeccompFlags)
	}
	// To be born in a group takes the right to write there.
	return errAt("set capabilities", "", capset(p.all, p.all))
}
