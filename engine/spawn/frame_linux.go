// Package spawn connects two engines on one host: jobs that one side runs on a
// Conn are carried out by the engine of the other, with args, env, streams,
// result kind, cancellation and open descriptors. It owns the sockets and the
// calls in flight, no job of its own. Start reading at the table of frames,
// then Dial and Serve. It must not import net: it is linked into the small
// binary of the exec engine.
//
// The wire is a unix socket of type SOCK_SEQPACKET, one frame per packet: a
// byte with the type, one with flags, four with the number of the call (chosen
// by the caller, little endian), and a payload of at most 32 KiB.
//
//	caller                        callee
//	------                        ------
//	Call   name, args, env   ->           flag More: the payload goes on in the next
//	                                      one; descriptors come with the last
//	Data   bytes of stdin    ->
//	EOF                      ->           end of stdin
//	Cancel                   ->           ends the job's context
//	                         <-   Out     bytes of stdout
//	                         <-   Err     bytes of stderr
//	                         <-   Result  kind (0xff: none), code, text; descriptors
//
// Calls are independent: many run at once, results come in any order. When a
// connection ends, jobs of the callee are cancelled and calls of the caller fail
// with kind Unavailable; an end is never taken for a success. Nothing is
// re-sent. Only root and the owner of the serving process are let in.
//
// What a reader has not consumed yet is queued per call, up to maxQueue; then
// the call fails. So a slow reader stops nobody but itself.
package spawn

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
)

const (
	frameCall byte = 1 + iota
	frameData
	frameEOF
	frameCancel
	frameOut
	frameErr
	frameResult
)

const (
	flagMore   = 1
	headerSize = 6
	maxPayload = 32 << 10
	maxQueue   = 16 << 20
	maxFiles   = 200 // the kernel takes 253 in one packet
	kindNone   = 0xff
)

// wire sends and receives frames. Sending is safe for concurrent use; one
// goroutine receives.
type wire struct {
	f   *os.File
	raw syscall.RawConn

	sending sync.Mutex // keeps the parts of one message together
}

func newWire(fd int) (*wire, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "spawn")
	raw, err := f.SyscallConn()
	if err != nil {
		_ = f.Close() // it was never used
		return nil, err
	}
	return &wire{f: f, raw: raw}, nil
}

// send sends a message, cut into frames; files go with the last one and stay the
// caller's.
func (w *wire) send(kind byte, call uint32, payload []byte, files ...*os.File) error {
	fds := make([]int, 0, len(files))
	for _, f := range files {
		c, err := f.SyscallConn()
		if err != nil {
			return err
		}
		if err := c.Control(func(fd uintptr) { fds = append(fds, int(fd)) }); err != nil {
			return err
		}
	}
	defer runtime.KeepAlive(files)
	w.sending.Lock()
	defer w.sending.Unlock()
	for {
		part, flags := payload, byte(0)
		if len(part) > maxPayload {
			part, flags = part[:maxPayload], flagMore
		}
		payload = payload[len(part):]
		packet := make([]byte, headerSize, headerSize+len(part))
		packet[0], packet[1] = kind, flags
		binary.LittleEndian.PutUint32(packet[2:], call)
		packet = append(packet, part...)
		var oob []byte
		if flags == 0 && len(fds) > 0 {
			oob = unix.UnixRights(fds...)
		}
		if err := w.sendPacket(packet, oob); err != nil || flags == 0 {
			return err
		}
	}
}

func (w *wire) sendPacket(packet, oob []byte) error {
	var failure error
	err := w.raw.Write(func(fd uintptr) bool {
		for {
			_, failure = unix.SendmsgN(int(fd), packet, oob, nil, unix.MSG_NOSIGNAL)
			if failure != unix.EINTR {
				return failure != unix.EAGAIN
			}
		}
	})
	if err != nil {
		return err
	}
	return failure
}

// frame is one received packet. payload is valid until the next one.
type frame struct {
	kind    byte
	more    bool
	call    uint32
	payload []byte
	files   []*os.File
}

// receiver keeps the buffers of the one goroutine that receives.
type receiver struct {
	w   *wire
	buf []byte
	oob []byte
}

func newReceiver(w *wire) *receiver {
	return &receiver{w: w, buf: make([]byte, headerSize+maxPayload), oob: make([]byte, unix.CmsgSpace(4*253))}
}

// next waits for a frame; io.EOF is the end of the connection.
func (r *receiver) next() (frame, error) {
	var n, oobn int
	var failure error
	err := r.w.raw.Read(func(fd uintptr) bool {
		for {
			n, oobn, _, _, failure = unix.Recvmsg(int(fd), r.buf, r.oob, unix.MSG_CMSG_CLOEXEC)
			if failure != unix.EINTR {
				return failure != unix.EAGAIN
			}
		}
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return frame{}, err
	}
	if n == 0 && oobn == 0 {
		return frame{}, io.EOF
	}
	files, err := takeFiles(r.oob[:oobn])
	if err == nil && n < headerSize {
		err = errors.New("a frame is shorter than its header")
	}
	if err != nil {
		closeAll(files)
		return frame{}, err
	}
	return frame{
		kind: r.buf[0], more: r.buf[1]&flagMore != 0, call: binary.LittleEndian.Uint32(r.buf[2:]),
		payload: r.buf[headerSize:n], files: files,
	}, nil
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

// Payloads are strings with a length before each.

func appendString(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

var errDamaged = errors.New("a frame is damaged")

func cutNumber(b []byte) (uint32, []byte, error) {
	if len(b) < 4 {
		return 0, nil, errDamaged
	}
	return binary.LittleEndian.Uint32(b), b[4:], nil
}

func cutString(b []byte) (string, []byte, error) {
	n, b, err := cutNumber(b)
	if err != nil || uint64(n) > uint64(len(b)) {
		return "", nil, errDamaged
	}
	return string(b[:n]), b[n:], nil
}

func cutStrings(b []byte) ([]string, []byte, error) {
	n, b, err := cutNumber(b)
	if err != nil || uint64(n)*4 > uint64(len(b)) {
		return nil, nil, errDamaged
	}
	list := make([]string, n)
	for i := range list {
		if list[i], b, err = cutString(b); err != nil {
			return nil, nil, err
		}
	}
	return list, b, nil
}

// encodeResult and decodeResult carry an error with its kind and code.
func encodeResult(err error) []byte {
	if err == nil {
		return []byte{kindNone}
	}
	code := 0
	var e *errdefs.Error
	if errors.As(err, &e) {
		code = e.Code
	}
	b := append([]byte{byte(errdefs.KindOf(err))}, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[1:], uint32(int32(code)))
	return append(b, err.Error()...)
}

func decodeResult(b []byte) error {
	if len(b) == 1 && b[0] == kindNone {
		return nil
	}
	if len(b) < 5 {
		return errdefs.Unavailable("the other engine answered with a damaged result")
	}
	return &errdefs.Error{
		Kind: errdefs.Kind(b[0]), Code: int(int32(binary.LittleEndian.Uint32(b[1:]))), Err: errors.New(string(b[5:])),
	}
}
