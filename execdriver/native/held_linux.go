package native

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/execproto"
)

// held is what the daemon keeps of a container: duplicates of its descriptors.
// They are plain numbers, so that a thousand containers cost no more than that.
type held struct {
	id      string
	started chan struct{} // closed when Start or Restore is done with it

	launched bool // an exec engine was told to start it; guarded by the driver's mu

	mu        sync.Mutex // guards everything below
	record    execproto.Record
	fds       []int // in the order of execproto.Files; nil once it has ended
	receivers []receiver
	exit      *execdriver.Exit
	code      *int // the exit code, when its exec engine was killed and we have collected it
	told      bool // OnExit was called or State.Exit returned
}

func newHeld(id string) *held { return &held{id: id, started: make(chan struct{})} }

// keep takes the descriptors over.
func (h *held) keep(files []*os.File) error {
	defer closeAll(files)
	var fds []int
	for _, f := range files {
		fd, err := duplicate(f)
		if err != nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
			return err
		}
		fds = append(fds, fd)
	}
	h.mu.Lock()
	h.fds = fds
	h.mu.Unlock()
	return nil
}

// duplicate does not use File.Fd, which would make the shared description block.
func duplicate(f *os.File) (int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var failure error
	if err := raw.Control(func(p uintptr) { fd, failure = unix.FcntlInt(p, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return -1, err
	}
	return fd, failure
}

func (h *held) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, fd := range h.fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	closeReceivers(h.receivers)
	h.fds, h.receivers = nil, nil
}

// share duplicates all descriptors, for a new exec engine; the last ones are the
// receivers of the given streams.
func (h *held) share() (files []*os.File, streams []string, record *execproto.Record, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.exit != nil {
		return nil, nil, nil, errdefs.Conflict("container %s has ended", h.id)
	}
	for _, fd := range h.fds {
		if fd < 0 {
			continue // its stdin was closed
		}
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			closeAll(files)
			return nil, nil, nil, err
		}
		files = append(files, os.NewFile(uintptr(dup), h.id))
	}
	streams, more, err := h.shareReceivers()
	if err != nil {
		closeAll(files)
		return nil, nil, nil, err
	}
	r := h.record
	return append(files, more...), streams, &r, nil
}

// stdinIndex is where the input is among the descriptors.
func (h *held) stdinIndex() int {
	if h.record.Tty {
		return execproto.FileStdout
	}
	return execproto.FileStdin
}

// use calls fn with one of the descriptors while nobody can close it. fn does not
// block.
func (h *held) use(index int, fn func(fd int) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.exit != nil {
		return errdefs.Conflict("container %s is not running", h.id)
	}
	if index >= len(h.fds) || h.fds[index] < 0 {
		return errdefs.NotFound("container %s has no such descriptor", h.id)
	}
	return fn(h.fds[index])
}

func (h *held) state() execdriver.State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return execdriver.State{ID: h.id, Pid: h.record.Pid, StartedAt: h.record.StartedAt, Exit: h.exit}
}

// running is also true while it starts.
func (h *held) running() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.exit == nil
}

// ended notes the exit once and closes the descriptors.
func (h *held) ended(x *execdriver.Exit) bool {
	h.mu.Lock()
	if h.exit != nil {
		h.mu.Unlock()
		return false
	}
	h.exit = x
	h.mu.Unlock()
	h.close()
	return true
}

// tell says whether the exit has still to be told, once.
func (h *held) tell() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := !h.told
	h.told = true
	return first
}
