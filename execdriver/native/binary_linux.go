package native

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
)

// sealedBinary makes a copy of dockerinit that nobody can change any more, not
// even a container that gets hold of /proc/1/exe: a sealed memory file. Where the
// host forbids to execute those it is a file that only root can write, opened
// read-only.
func sealedBinary(opt *Options, dir string) (*os.File, error) {
	program := opt.Dockerinit
	if len(program) == 0 {
		var err error
		if program, err = readProgram(opt.DockerinitPath); err != nil {
			return nil, err
		}
	} else {
		defer forgetPages(program)
	}
	const execFlag = 0x10 // MFD_EXEC: this one is meant to be executed
	flags := unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("dockerinit", flags|execFlag)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate("dockerinit", flags) // a kernel before the flag
	}
	if err != nil {
		return fileBinary(program, dir)
	}
	f := os.NewFile(uintptr(fd), "dockerinit")
	_, err = f.Write(program)
	if err == nil {
		err = seal(fd)
	}
	if err != nil {
		_ = f.Close() // it is of no use
		return nil, fmt.Errorf("copying dockerinit: %w", err)
	}
	return f, nil
}

// seal forbids every change of a memory file. The kernel refuses the strict form
// for a moment while it has business of its own with a page (it moves it, say);
// the other form forbids the same to all who come from now on, and nobody else
// has come yet.
func seal(fd int) error {
	const size = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, size|unix.F_SEAL_WRITE)
	if errors.Is(err, unix.EBUSY) {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, size|unix.F_SEAL_FUTURE_WRITE)
	}
	return err
}

func readProgram(path string) ([]byte, error) {
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("looking for dockerinit: %w", err)
		}
		path = filepath.Join(filepath.Dir(self), "dockerinit")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, errdefs.NotFound("reading dockerinit, which this program does not carry inside: %w", err)
	}
	return b, nil
}

func fileBinary(program []byte, dir string) (*os.File, error) {
	path := filepath.Join(dir, "dockerinit")
	if err := os.WriteFile(path+".new", program, 0o500); err != nil {
		return nil, fmt.Errorf("copying dockerinit: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, fmt.Errorf("copying dockerinit: %w", err)
	}
	return os.Open(path)
}

// binaryPath names f for an exec. It goes by this process: the child arranges its
// own descriptors before it executes, and f's number may be taken by then.
func binaryPath(f *os.File) string {
	return "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(int(f.Fd()))
}

// forgetPages lets the kernel take back the memory that reading the embedded
// program has brought in: it is not read again.
func forgetPages(b []byte) {
	page := uintptr(os.Getpagesize())
	from := (uintptr(unsafe.Pointer(unsafe.SliceData(b))) + page - 1) &^ (page - 1)
	skip := int(from - uintptr(unsafe.Pointer(unsafe.SliceData(b))))
	if whole := (len(b) - skip) &^ int(page-1); whole > 0 {
		_ = unix.Madvise(b[skip:skip+whole], unix.MADV_DONTNEED) // saves memory or does not
	}
}
