package native

import (
	"context"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/native/execproto"
	"github.com/enginejobs/docker/execdriver/native/pidfd"
)

// collect waits for the end of a container whose exec engine was killed, takes
// its status from the kernel and tells the new exec engine. A process that is
// not our child is collected by its own parent.
func (d *Driver) collect(h *held) {
	code, ok := h.collected()
	if !ok {
		if code, ok = d.awaitChild(h); !ok {
			return
		}
		h.setCollected(code)
	}
	err := d.repeat(d.ctx, (*engine.Job).Run, execproto.JobCollected, h.id, strconv.Itoa(code))
	if err != nil && !errdefs.IsNotFound(err) && d.ctx.Err() == nil {
		d.logf("telling the exit code of container %s: %v", h.id, err)
	}
}

// awaitChild waits for the end of a child; Close ends it early.
func (d *Driver) awaitChild(h *held) (code int, ok bool) {
	var process *os.File
	err := h.use(execproto.FilePidfd, func(fd int) (err error) {
		process, err = fileOf(fd, h.id)
		return err
	})
	if err != nil {
		return 0, false
	}
	defer process.Close()
	return d.awaitProcess(process)
}

// fileOf duplicates a pidfd to wait on it.
func fileOf(fd int, name string) (*os.File, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(dup), name), nil
}

// awaitProcess waits for the end of a process and finds out how it was. ok is
// false when Close came first or when nobody can tell.
func (d *Driver) awaitProcess(process *os.File) (code int, ok bool) {
	defer context.AfterFunc(d.ctx, func() { _ = process.SetReadDeadline(time.Unix(1, 0)) })()
	raw, err := process.SyscallConn()
	if err == nil {
		err = raw.Read(pidfd.Ended)
	}
	if err != nil || d.ctx.Err() != nil {
		return 0, false
	}
	return d.codeOf(raw)
}

// childInfo is what waitid tells of a child: siginfo_t on 64 bits.
type childInfo struct {
	signo, errno, code, _ int32
	pid                   int32
	uid                   uint32
	status                int32
	_                     [100]byte
}

// waitPidfd collects a child that has ended.
func waitPidfd(fd int) (code int, ok bool) {
	var info childInfo
	err := unix.Waitid(unix.P_PIDFD, fd, (*unix.Siginfo)(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOHANG, nil)
	if err != nil {
		return 0, false
	}
	const exited, killed, dumped = 1, 2, 3
	switch info.code {
	case exited:
		return int(info.status), true
	case killed, dumped:
		return 128 + int(info.status), true
	}
	return 0, false // it runs
}

// collected is the exit code, if it was collected here.
func (h *held) collected() (code int, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.code == nil {
		return 0, false
	}
	return *h.code, true
}

func (h *held) setCollected(code int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.code = &code
}
