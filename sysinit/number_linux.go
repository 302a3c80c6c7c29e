package sysinit

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func utoa(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

// setrlimit goes through package syscall, which otherwise would put back the
// limit of open files that the process was born with when it executes.
func setrlimit(resource int, l unix.Rlimit) error {
	return syscall.Setrlimit(resource, &syscall.Rlimit{Cur: l.Cur, Max: l.Max})
}
