package spawn

import (
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
)

const (
	// maxPayload keeps a packet well below what a socket takes at once, which is
	// its send buffer: 208 KiB where nobody has changed it.
	maxPayload   = 32 << 10
	maxPacket    = 2*wire.HeaderSize + maxPayload
	writeTimeout = 30 * time.Second // how long a peer may read nothing
)

// packets is a wire.Transport on a socket of type SOCK_SEQPACKET.
type packets struct {
	f   *os.File
	raw syscall.RawConn

	mu      sync.Mutex   // guards everything below
	turn    sync.Cond    // of those who find the socket full
	waiting bool         // one waits for room
	waiter  *atomic.Bool // its stop; nil: it has none

	// These belong to the one goroutine that receives.
	buf   []byte
	oob   []byte
	rest  []byte // frames of the last packet that were not handed out
	files []*os.File
}

// newPackets takes a connected socket over.
func newPackets(fd int) (*packets, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "spawn")
	raw, err := f.SyscallConn()
	if err != nil {
		_ = f.Close() // it was never used
		return nil, err
	}
	p := &packets{f: f, raw: raw, buf: make([]byte, maxPacket), oob: make([]byte, unix.CmsgSpace(4*253))}
	p.turn.L = &p.mu
	return p, nil
}

// MaxPayload is what one frame carries here.
func (p *packets) MaxPayload() int { return maxPayload }

// Close ends both directions. It may be called again.
func (p *packets) Close() error {
	if err := p.f.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// Send sends a frame as a packet of its own.
func (p *packets) Send(f wire.Frame) error { return p.SendPair(&f, nil, nil) }

// SendPair sends one frame, or two in one packet.
func (p *packets) SendPair(f, second *wire.Frame, stop *atomic.Bool) error {
	if len(f.Payload) > maxPayload || second != nil && len(second.Payload) > 0 {
		return errdefs.Internal("a frame of %d bytes is too long for a packet", len(f.Payload))
	}
	if len(f.Files) > wire.MaxFiles {
		return errdefs.InvalidArgument("%d descriptors are too many for one job", len(f.Files))
	}
	var head [wire.HeaderSize]byte
	var tail []byte
	f.PutHeader(head[:])
	if second != nil {
		tail = wire.AppendFrame(nil, *second)
	}
	var oob []byte
	if len(f.Files) > 0 {
		fds := make([]int, 0, len(f.Files))
		for _, file := range f.Files {
			c, err := file.SyscallConn()
			if err != nil {
				return err
			}
			if err := c.Control(func(fd uintptr) { fds = append(fds, int(fd)) }); err != nil {
				return err
			}
		}
		oob = unix.UnixRights(fds...)
		defer runtime.KeepAlive(f.Files)
	}
	return p.send([][]byte{head[:], f.Payload, tail}, oob, stop)
}

// PokeSenders makes a sender look again whether it is to stop. A packet is sent
// as a whole or not at all, so the connection lives on.
func (p *packets) PokeSenders(stop *atomic.Bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting && p.waiter == stop {
		_ = p.f.SetWriteDeadline(longAgo()) // it is in the poller, so this works
	}
	p.turn.Broadcast()
}

// send sends a packet when the socket has room, which it nearly always has.
func (p *packets) send(packet [][]byte, oob []byte, stop *atomic.Bool) error {
	var failure error
	attempt := func(fd uintptr) {
		for {
			if _, failure = unix.SendmsgBuffers(int(fd), packet, oob, nil, unix.MSG_NOSIGNAL); failure != unix.EINTR {
				return
			}
		}
	}
	err := p.raw.Control(attempt)
	if err == nil && failure == unix.EAGAIN {
		return p.await(attempt, &failure, stop)
	}
	return errors.Join(err, failure)
}

// await repeats attempt when there is room. Those who wait take turns; one of
// them whose stop has become true leaves after PokeSenders.
func (p *packets) await(attempt func(fd uintptr), failure *error, stop *atomic.Bool) error {
	stopped := func() bool { return stop != nil && stop.Load() }
	p.mu.Lock()
	for p.waiting && !stopped() {
		p.turn.Wait()
	}
	if stopped() {
		p.turn.Signal() // it may have been meant for another one
		p.mu.Unlock()
		return os.ErrDeadlineExceeded
	}
	p.waiting, p.waiter = true, stop
	_ = p.f.SetWriteDeadline(time.Now().Add(writeTimeout))
	p.mu.Unlock()
	err := p.raw.Write(func(fd uintptr) bool {
		if stopped() {
			*failure = os.ErrDeadlineExceeded
			return true
		}
		attempt(fd)
		return !errors.Is(*failure, unix.EAGAIN)
	})
	p.mu.Lock()
	p.waiting, p.waiter = false, nil
	_ = p.f.SetWriteDeadline(time.Time{})
	p.turn.Signal()
	p.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if !stopped() {
			_ = p.f.Close() // the peer is stuck; whoever receives tells all
		}
		return err
	}
	return errors.Join(err, *failure)
}

// Receive gives the next frame.
func (p *packets) Receive() (wire.Frame, error) {
	if len(p.rest) == 0 {
		if err := p.receive(); err != nil {
			return wire.Frame{}, err
		}
	}
	f, n, err := wire.ParseHeader(p.rest)
	if err == nil && len(p.rest) < wire.HeaderSize+n {
		err = wire.Garbage("a packet ends in the middle of a frame")
	}
	if err == nil && f.Compressed {
		err = wire.Garbage("a compressed frame came, which was not asked for")
	}
	if err != nil {
		closeAll(p.files)
		p.files = nil
		return wire.Frame{}, err
	}
	f.Payload, f.Files = p.rest[wire.HeaderSize:wire.HeaderSize+n], p.files
	p.rest, p.files = p.rest[wire.HeaderSize+n:], nil
	return f, nil
}

// receive waits for a packet; io.EOF is the end of the connection.
func (p *packets) receive() error {
	var n, oobn, flags int
	var failure error
	err := p.raw.Read(func(fd uintptr) bool {
		for {
			n, oobn, flags, _, failure = unix.Recvmsg(int(fd), p.buf, p.oob, unix.MSG_CMSG_CLOEXEC)
			if failure != unix.EINTR {
				return failure != unix.EAGAIN
			}
		}
	})
	if err == nil {
		err = failure
	}
	if errors.Is(err, unix.ECONNRESET) || err == nil && n == 0 && oobn == 0 {
		return io.EOF
	}
	if err != nil {
		return err
	}
	files, err := takeFiles(p.oob[:oobn])
	if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = wire.Garbage("a packet has more than %d bytes or %d descriptors", maxPacket, wire.MaxFiles)
	}
	if err != nil {
		closeAll(files)
		return err
	}
	p.rest, p.files = p.buf[:n], files
	return nil
}

func takeFiles(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			continue // credentials or something newer
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // a descriptor that nobody wrote to through us
	}
}
