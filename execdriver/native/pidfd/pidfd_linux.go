// Package pidfd asks the kernel about a process by its pidfd: whether it has
// ended, and how. Both halves of the native driver do. It has no state; start
// reading at Status. It imports nothing of this module.
package pidfd

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
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

// Open opens the process with this pid if it was started at that time, so that no
// later process with the same pid is taken for it. The file can be waited on.
func Open(pid int, started uint64) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	now, err := StartTime(pid)
	if err == nil && now != started {
		err = unix.ESRCH
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// StartTime reads when a process was started, in ticks since boot. Together with
// the pid it names a process for good.
func StartTime(pid int) (uint64, error) {
	f, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(f[startTimeField], 10, 64)
}

// Zombie tells how a process has ended that its parent has not collected yet.
// Who may trace it may read that.
func Zombie(pid int, started uint64) (unix.WaitStatus, bool) {
	f, err := stat(pid)
	if err != nil || f[stateField] != "Z" || f[startTimeField] != strconv.FormatUint(started, 10) {
		return 0, false
	}
	status, err := strconv.ParseUint(f[exitCodeField], 10, 32)
	return unix.WaitStatus(status), err == nil
}

// Fields of proc_pid_stat(5), counted from the one behind the name.
const (
	stateField     = 0
	startTimeField = 19
	exitCodeField  = 49
)

// stat reads the fields that follow the name, which stands in parentheses and may
// hold anything.
func stat(pid int) ([]string, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil, err
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) <= exitCodeField {
		return nil, fmt.Errorf("reading /proc/%d/stat: it is too short", pid)
	}
	return f, nil
}
