package sysinit

import (
	"math"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// size: fork is one function because after the clone no other may be called.

// child is everything that the copy of this process does with its life, made
// ready before it is born.
type child struct {
	args        cloneArgs
	pidfd       int32
	sync        uintptr // the conversation
	target      uintptr // pidfd of the container
	tty         bool
	noNewPrivs  bool
	head        unix.CapUserHeader
	full, final [2]unix.CapUserData
	filter      *unix.SockFprog
	filterFlags uintptr
	path        *byte
	argv, envp  []*byte
	old         uint64 // the parent's signal mask
	ready       [initproto.HeaderSize]byte
	refused     [initproto.HeaderSize + initproto.RefusedSize]byte
}

// cloneArgs is struct clone_args of the kernel, as of its version 2.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal uint64
	stack, stackSize, tls, setTID, setTIDSize     uint64
	cgroup                                        uint64
}

// into lets the child be born in a group.
func (c *child) into(group int) {
	c.args.flags |= unix.CLONE_INTO_CGROUP
	c.args.cgroup = uint64(group)
}

// spawn makes the child. It is a copy, whose parent is our parent and which
// comes to life in the pid namespace that was joined.
func (c *child) spawn() (pid int, errno syscall.Errno) {
	c.args.flags |= unix.CLONE_PARENT | unix.CLONE_PIDFD // its signal at the end is that of its sibling
	c.args.pidfd = uint64(uintptr(unsafe.Pointer(&c.pidfd)))
	copy(c.ready[:], initproto.AppendFrame(nil, initproto.TypeReady, nil))
	copy(c.refused[:], initproto.AppendFrame(nil, initproto.TypeRefused, make([]byte, initproto.RefusedSize)))
	return c.fork()
}

// fork returns in the parent only. What comes after the clone runs in the child,
// where one thread is left of this program: it must not allocate, grow the stack
// or call anything but raw system calls, as the fork of package syscall.
//
//go:noinline
//go:norace
//go:nocheckptr
func (c *child) fork() (pid int, errno syscall.Errno) {
	const setMask, maskSize, signals = 2, 8, 64
	var (
		none     uint64
		every    uint64    = math.MaxUint64
		defaults [4]uint64 // SIG_DFL, no flags, no restorer, empty mask
		goOn     byte
		r        uintptr
		step     initproto.Step
	)
	// No handler of the runtime may run in the copy.
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&every)),
		uintptr(unsafe.Pointer(&c.old)), maskSize, 0, 0)
	r, _, errno = syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&c.args)), unsafe.Sizeof(c.args), 0)
	if errno != 0 || r != 0 {
		syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&c.old)), 0, maskSize, 0, 0)
		return int(r), errno
	}
	// It goes on once the exec engine knows it, and ends when that has gone.
	for {
		r, _, errno = syscall.RawSyscall(unix.SYS_READ, c.sync, uintptr(unsafe.Pointer(&goOn)), 1)
		if errno != unix.EINTR {
			break
		}
	}
	if errno != 0 || r != 1 {
		goto end
	}
	for r = 1; r <= signals; r++ {
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, r, uintptr(unsafe.Pointer(&defaults)), 0, maskSize, 0, 0)
	}
	step = initproto.StepJoin
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETNS, c.target, unix.CLONE_NEWCGROUP, 0); errno != 0 {
		goto fail
	}
	step = initproto.StepTerminal
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETSID, 0, 0, 0); errno != 0 {
		goto fail
	}
	if c.tty {
		if _, _, errno = syscall.RawSyscall(unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0); errno != 0 {
			goto fail
		}
	}
	// From here on the filter of the workload may be ours: say it now.
	_, _, errno = syscall.RawSyscall6(unix.SYS_SENDTO, c.sync, uintptr(unsafe.Pointer(&c.ready)),
		unsafe.Sizeof(c.ready), unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		goto end
	}
	if c.noNewPrivs {
		step = initproto.StepNoNewPrivs
		_, _, errno = syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
		if errno != 0 {
			goto fail
		}
		step = initproto.StepCapabilities
		_, _, errno = syscall.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&c.head)), uintptr(unsafe.Pointer(&c.final)), 0)
		if errno != 0 {
			goto fail
		}
	}
	if c.filter != nil {
		step = initproto.StepFilter
		_, _, errno = syscall.RawSyscall(unix.SYS_SECCOMP, setModeFilter, c.filterFlags, uintptr(unsafe.Pointer(c.filter)))
		if errno != 0 {
			goto fail
		}
	}
	step = initproto.StepCapabilities
	_, _, errno = syscall.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&c.head)), uintptr(unsafe.Pointer(&c.final)), 0)
	if errno != 0 {
		goto fail
	}
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&none)), 0, maskSize, 0, 0)
	step = initproto.StepExec
	_, _, errno = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(c.path)),
		uintptr(unsafe.Pointer(&c.argv[0])), uintptr(unsafe.Pointer(&c.envp[0])))
fail:
	c.refused[initproto.HeaderSize] = byte(step)
	c.refused[initproto.HeaderSize+1] = byte(errno)
	c.refused[initproto.HeaderSize+2] = byte(errno >> 8)
	syscall.RawSyscall6(unix.SYS_SENDTO, c.sync, uintptr(unsafe.Pointer(&c.refused)),
		unsafe.Sizeof(c.refused), unix.MSG_NOSIGNAL, 0, 0)
end:
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 125, 0, 0)
	}
}
