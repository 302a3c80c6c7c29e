package native

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver"
)

// receiver is a duplicate of where attached output goes. As long as it is held,
// the death of an exec engine is no end of the output: the next one gets it.
type receiver struct {
	stream string // as in the env attach
	fd     int
}

// hold keeps duplicates of the files of an output until the container ends.
// drop lets go of them again, when nobody could be attached.
func (h *held) hold(out execdriver.Output) (drop func(), err error) {
	var added []receiver
	for stream, f := range map[string]*os.File{"stdout": out.Stdout, "stderr": out.Stderr} {
		if f == nil {
			continue
		}
		fd, err := duplicate(f)
		if err != nil {
			closeReceivers(added)
			return nil, err
		}
		added = append(added, receiver{stream, fd})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.exit != nil {
		closeReceivers(added)
		return func() {}, nil
	}
	// Those whose clients have left are of no use.
	h.receivers = slices.DeleteFunc(h.receivers, func(r receiver) bool {
		p := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(p, 0)
		gone := err == nil && n == 1 && p[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		if gone {
			unix.Close(r.fd)
		}
		return gone
	})
	h.receivers = append(h.receivers, added...)
	return func() { h.drop(added) }, nil
}

func (h *held) drop(list []receiver) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.receivers = slices.DeleteFunc(h.receivers, func(r receiver) bool {
		ours := slices.Contains(list, r)
		if ours {
			unix.Close(r.fd)
		}
		return ours
	})
}

func closeReceivers(list []receiver) {
	for _, r := range list {
		unix.Close(r.fd)
	}
}

// shareReceivers duplicates the receivers for a new exec engine. h.mu is held.
func (h *held) shareReceivers() (streams []string, files []*os.File, err error) {
	for _, r := range h.receivers {
		dup, err := unix.FcntlInt(uintptr(r.fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			closeAll(files)
			return nil, nil, err
		}
		streams, files = append(streams, r.stream), append(files, os.NewFile(uintptr(dup), h.id))
	}
	return streams, files, nil
}
