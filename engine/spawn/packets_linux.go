package spawn

import (
	"errors"
	"io"
	"os"
	"runtime"
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
	return &packets{f: f, raw: raw, buf: make([]byte, maxPacket), oob: make([]byte, unix.CmsgSpace(4*253))}, nil
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
func (p *packets) SendPair(f, second *wire.Frame, _ *atomic.Bool) error {
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
	return p.send([][]byte{head[:], f.Payload, tail}, oob)
}

// PokeSenders does nothing: senders wait for the socket alone.
func (p *packets) PokeSenders() {}

func (p *packets) send(packet [][]byte, oob []byte) error {
	var failure error
	waited := false
	err := p.raw.Write(func(fd uintptr) bool {
		for {
			_, failure = unix.SendmsgBuffers(int(fd), packet, oob, nil, unix.MSG_NOSIGNAL)
			if failure == unix.EINTR {
				continue
			}
			if failure == unix.EAGAIN && !waited {
				waited = true
				_ = p.f.SetWriteDeadline(time.Now().Add(writeTimeout)) // it is in the poller, so this works
			}
			return failure != unix.EAGAIN
		}
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = p.f.Close() // the peer is stuck; whoever receives tells all
		return err
	}
	if waited {
		_ = p.f.SetWriteDeadline(time.Time{})
	}
	if err == nil {
		err = failure
	}
	return err
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
