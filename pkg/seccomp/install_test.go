package seccomp

import (
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestTheKernelAgrees installs the default filter on a thread of its own, which
// ends with the goroutine that is locked to it. It needs no privilege.
func TestTheKernelAgrees(t *testing.T) {
	f, err := Compile("", nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread is thrown away
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			t.Errorf("no_new_privs: %v", err)
			return
		}
		prog := unix.SockFprog{Len: uint16(f.Len()), Filter: (*unix.SockFilter)(unsafe.Pointer(&f.Program[0]))}
		if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(f.Flags), uintptr(unsafe.Pointer(&prog))); e != 0 {
			t.Errorf("seccomp: %v", e)
			return
		}
		for _, c := range []struct {
			name string
			nr   uintptr
			arg  uintptr
			want unix.Errno
		}{
			{"getpid", unix.SYS_GETPID, 0, 0},
			{"keyctl", unix.SYS_KEYCTL, 0, unix.EPERM},
			{"mount", unix.SYS_MOUNT, 0, unix.EPERM},
			{"clone3", unix.SYS_CLONE3, 0, unix.ENOSYS},
			{"unshare", unix.SYS_UNSHARE, unix.CLONE_NEWUSER, unix.EPERM},
			{"personality, asked", unix.SYS_PERSONALITY, 0xffffffff, 0},
			{"personality, set", unix.SYS_PERSONALITY, 0x0040000, unix.EPERM},
			{"a call of the future", 4000, 0, unix.ENOSYS},
		} {
			if _, _, e := unix.RawSyscall(c.nr, c.arg, 0, 0); e != c.want {
				t.Errorf("%s: %v, want %v", c.name, e, c.want)
			}
		}
	}()
	<-done
}
