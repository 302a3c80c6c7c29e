// Package pidfd asks the kernel about a process by its pidfd: whether it has
// ended, and how. Both halves of the native driver do. It has no state; start
// reading at Status. It imports nothing of this module.
package pidfd

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ended tells whether the process has.
func Ended(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0
}

// Code makes an exit code of a status, as shells do: 128 and the signal.
func Code(ws unix.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// info is struct pidfd_info of the kernel, as of its first version.
type info struct {
	mask, cgroup    uint64
	pid, tgid, ppid uint32
	ids             [8]uint32
	status          int32
}

const (
	infoExit = 1 << 3
	// _IOWR(0xFF, 11, struct pidfd_info)
	getInfo = 3<<30 | unsafe.Sizeof(info{})<<16 | 0xff<<8 | 11
)

// Status tells how a process has ended that is not a child of ours, once it was
// collected by its parent. Kernels before 6.15 do not keep it.
func Status(fd int) (unix.WaitStatus, bool) {
	i := info{mask: infoExit}
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), getInfo, uintptr(unsafe.Pointer(&i)))
	return unix.WaitStatus(i.status), e == 0 && i.mask&infoExit != 0
}
