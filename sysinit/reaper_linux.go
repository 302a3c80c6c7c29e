package sysinit

import (
	"os"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// reap stays as process 1 above the workload: it passes signals on, takes care
// of orphans, and ends with the workload and with its status. The workload's
// process is a second start of this binary, which does what belongs to that
// process alone.
func reap(s *initproto.Setup, r *reporter) (int, error) {
	name := [...]byte{'d', 'o', 'c', 'k', 'e', 'r', '-', 'i', 'n', 'i', 't', 0}
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0) // for people who look
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	child, err := startWorkload(s, r)
	if err != nil {
		return 0, err
	}
	// Whoever else holds the conversation keeps the exec engine waiting.
	unix.Close(r.fd)
	for fd := range 3 {
		unix.Close(fd)
	}
	for {
		if code, done := collect(child); done {
			return code, nil
		}
		sig, ok := (<-signals).(syscall.Signal)
		if !ok || sig == unix.SIGCHLD || sig == unix.SIGURG {
			continue
		}
		_ = unix.Kill(child, sig) // fails when it has ended, which is seen above
	}
}

// startWorkload starts the second half and hands it the setup.
func startWorkload(s *initproto.Setup, r *reporter) (int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, errAt("start workload", "", err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	// The child reads its setup from the pair and then reports on our own
	// descriptor, which it finds next to it.
	pid, err := syscall.ForkExec(s.SelfPath, []string{"dockerinit", initproto.RoleWorkload}, &syscall.ProcAttr{
		Env:   []string{"GOMAXPROCS=1", "GOGC=off"},
		Files: []uintptr{0, 1, 2, uintptr(r.fd), uintptr(pair[1])},
	})
	if err != nil {
		return 0, errAt("start workload", s.SelfPath, err)
	}
	unix.Close(pair[1])
	pair[1] = -1
	half := &reporter{fd: pair[0]}
	half.send(initproto.TypeSetup, s.Encode())
	return pid, nil
}

// collect reaps what has ended and tells whether the workload has.
func collect(child int) (code int, done bool) {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return 0, false
		}
		if pid == child {
			if ws.Signaled() {
				return 128 + int(ws.Signal()), true
			}
			return ws.ExitStatus(), true
		}
	}
}
