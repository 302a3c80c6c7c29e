package execengine

import (
	"errors"
	"math"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/logdriver"
)

var streamNames = [streamsMax]string{"stdout", "stderr"}

// entryBuffers are lent to the streams while they encode.
var entryBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 64<<10); return &b }}

// stream copies one output of a container to its log and to who is attached.
type stream struct {
	index int
	tty   bool
	f     *os.File
	raw   syscall.RawConn
	j     *journal
	log   *log
	enc   logdriver.Encoder // nil: no log
	done  chan struct{}     // closed when the output has ended
	said  time.Time         // when run has last said that the log cannot be written

	mu        sync.Mutex // guards everything below
	receivers []*os.File // never changed in place
	closed    bool
}

func newStream(index int, tty bool, f *os.File, j *journal, log *log) (*stream, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &stream{index: index, tty: tty, f: f, raw: raw, j: j, log: log, done: make(chan struct{})}
	if log.format != nil {
		s.enc = log.format.Encoder(index == 1, log.attrs)
	}
	return s, nil
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
	if s.enc == nil {
		s.j.keep(s.index, 0)
		return
	}
	if s.log.ring != nil {
		s.queue(end, logf)
		return
	}
	lent := entryBuffers.Get().(*[]byte)
	out := *lent
	for {
		var err error
		var more bool
		out, more, err = s.writeSome(out[:0], end)
		s.report(err, logf)
		if !more {
			break
		}
	}
	if cap(out) > 512<<10 {
		out = make([]byte, 0, 64<<10)
	}
	*lent = out[:0]
	entryBuffers.Put(lent)
}

// writeSome writes entries until the log file is full, or there are no more.
func (s *stream) writeSome(out []byte, end bool) (_ []byte, more bool, err error) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	w := s.log.w
	left := w.Left()
	if left == 0 {
		err = w.Rotate() // if it fails the old file goes on
		if left = w.Left(); left == 0 {
			left = math.MaxInt64
		}
	}
	text := s.j.unlogged(s.index)
	s.enc.At(time.Now())
	consumed := 0
	for int64(len(out)) < left {
		n := cutEntry(text[consumed:], end)
		if n == 0 {
			break
		}
		out = s.enc.Append(out, text[consumed:consumed+n])
		consumed += n
	}
	if consumed == 0 {
		return out, false, err
	}
	s.j.begin(s.index, consumed, len(out), w.Size())
	err = errors.Join(err, w.Append(out))
	s.j.commit(s.index)
	return out, int64(len(out)) >= left, err
}

// queue puts entries where they wait for the disk.
func (s *stream) queue(end bool, logf func(string, ...any)) {
	text := s.j.unlogged(s.index)
	s.enc.At(time.Now())
	for {
		n := cutEntry(text, end)
		if n == 0 {
			break
		}
		if s.log.ring.put(s, text[:n]) {
			logf("the log is slower than the output, entries are dropped")
		}
		text = text[n:]
	}
	s.j.keep(s.index, len(text))
}

// report says that the log cannot be written, and then not again for a while: on
// a disk that is nearly full small writes still succeed in between.
func (s *stream) report(err error, logf func(string, ...any)) {
	if err == nil || !s.said.IsZero() && time.Since(s.said) < sayAgain {
		return
	}
	s.said = time.Now()
	logf("writing log, output is dropped: %v", err)
}

// sayAgain is for how long a failure is said only once.
const sayAgain = time.Minute

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
