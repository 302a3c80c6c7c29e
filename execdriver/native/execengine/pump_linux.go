package execengine

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var streamNames = [streamsMax]string{"stdout", "stderr"}

// logFile is the log of a container, shared by its streams.
type logFile struct {
	mu   sync.Mutex // keeps entries whole; held across the write, which is its purpose
	f    *os.File   // nil: no log
	size int64
}

func openLog(path string) (*logFile, error) {
	l := &logFile{}
	if path == "" {
		return l, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	l.f, l.size = f, info.Size()
	return l, nil
}

func (l *logFile) close() {
	if l.f != nil {
		_ = l.f.Close() // writes were checked one by one
	}
}

// entryBuffers are lent to the streams while they encode.
var entryBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 64<<10); return &b }}

// stream copies one output of a container to its log and to who is attached.
type stream struct {
	index int
	tty   bool
	f     *os.File
	raw   syscall.RawConn
	j     *journal
	log   *logFile
	done  chan struct{} // closed when the output has ended

	mu        sync.Mutex // guards everything below
	receivers []*os.File // never changed in place
	closed    bool
	failed    error // the last failure of the log, reported once
}

func newStream(index int, tty bool, f *os.File, j *journal, log *logFile) (*stream, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &stream{index: index, tty: tty, f: f, raw: raw, j: j, log: log, done: make(chan struct{})}, nil
}

// add attaches one more receiver. Those whose other end is closed are dropped.
// It tells whether the output goes on.
func (s *stream) add(f *os.File) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	live := []*os.File{f}
	for _, r := range s.receivers {
		if abandoned(r) {
			_ = r.Close() // nobody reads it
		} else {
			live = append(live, r)
		}
	}
	s.receivers = live
	return true
}

func abandoned(f *os.File) bool {
	raw, err := f.SyscallConn()
	gone := err != nil
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
			n, err := unix.Poll(p, 0)
			gone = err == nil && n == 1 && p[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		})
	}
	return gone || err != nil
}

// run copies until the end of the output. The memory to read into is looked for
// only when there is something to read, so an idle container keeps none.
func (s *stream) run(logf func(string, ...any)) {
	defer close(s.done)
	s.write(false, logf) // what an earlier exec engine has read and not logged
	for {
		var n int
		var failure error
		err := s.raw.Read(func(fd uintptr) bool {
			for {
				n, failure = s.read(int(fd))
				if !errors.Is(failure, unix.EINTR) {
					return !errors.Is(failure, unix.EAGAIN)
				}
			}
		})
		if err != nil || failure != nil || n <= 0 {
			break // a terminal ends with EIO, a pipe with 0
		}
		fresh := s.j.took(s.index, n)
		s.write(false, logf)
		s.forward(fresh)
	}
	s.write(true, logf)
	s.mu.Lock()
	receivers := s.receivers
	s.receivers, s.closed = nil, true
	s.mu.Unlock()
	for _, r := range receivers {
		_ = r.Close() // the client sees the end; a failure means it has left
	}
}

// read reads what there is. Memory is touched only when there is something. What
// a pipe holds is read whole; a terminal may give less than it says.
func (s *stream) read(fd int) (int, error) {
	const some = 4 << 10
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil || n <= 0 {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(p, 0); err != nil {
			return 0, err
		}
		if p[0].Revents == 0 {
			return 0, unix.EAGAIN
		}
		if n, err = unix.IoctlGetInt(fd, unix.TIOCINQ); err != nil || n <= 0 {
			return unix.Read(fd, s.j.expect(s.index, some, false)) // most likely the end
		}
	}
	return unix.Read(fd, s.j.expect(s.index, n, !s.tty))
}

// write appends what can be logged to the log. When the log cannot be written
// the entries are dropped: the workload must not hang on a full disk.
func (s *stream) write(end bool, logf func(string, ...any)) {
	lent := entryBuffers.Get().(*[]byte)
	defer entryBuffers.Put(lent)
	text := s.j.unlogged(s.index)
	now := time.Now().UTC()
	out, consumed := (*lent)[:0], 0
	for {
		n := cutEntry(text[consumed:], end)
		if n == 0 {
			break
		}
		if s.log.f != nil {
			out = appendEntry(out, text[consumed:consumed+n], streamNames[s.index], now)
		}
		consumed += n
	}
	*lent = out[:0]
	if cap(out) > 256<<10 {
		*lent = make([]byte, 0, 64<<10)
	}
	if consumed == 0 {
		return
	}
	s.log.mu.Lock()
	s.j.begin(s.index, consumed, len(out), s.log.size)
	err := s.log.append(out)
	s.j.commit(s.index)
	s.log.mu.Unlock()
	s.mu.Lock()
	repeated := s.failed != nil
	s.failed = err
	s.mu.Unlock()
	if err != nil && !repeated {
		logf("writing log, output is dropped: %v", err)
	}
}

// append writes whole entries or nothing.
func (l *logFile) append(b []byte) error {
	if l.f == nil || len(b) == 0 {
		return nil
	}
	n, err := l.f.Write(b)
	if err != nil {
		if n > 0 {
			err = errors.Join(err, l.f.Truncate(l.size))
		}
		return err
	}
	l.size += int64(n)
	return nil
}

// forward passes raw output on. A receiver that has left is dropped; one that
// does not read holds up this stream of this container, as a terminal would.
func (s *stream) forward(b []byte) {
	s.mu.Lock()
	receivers := s.receivers
	s.mu.Unlock()
	for _, r := range receivers {
		if _, err := r.Write(b); err != nil {
			s.drop(r)
		}
	}
}

func (s *stream) drop(gone *os.File) {
	s.mu.Lock()
	var live []*os.File
	for _, r := range s.receivers {
		if r != gone {
			live = append(live, r)
		}
	}
	s.receivers = live
	s.mu.Unlock()
	_ = gone.Close() // it has failed already
}

// hurry makes receivers that do not read fail soon: the workload has ended.
func (s *stream) hurry(deadline time.Time) {
	s.mu.Lock()
	receivers := s.receivers
	s.mu.Unlock()
	for _, r := range receivers {
		_ = r.SetWriteDeadline(deadline) // what has no deadline does not block either
	}
}

// stop ends the reading although the output goes on somewhere.
func (s *stream) stop() { _ = s.f.SetReadDeadline(time.Unix(1, 0)) }
