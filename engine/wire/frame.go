package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/enginejobs/docker/errdefs"
)

// Version is the version of the protocol, as Hello says it.
const Version = 1

// The types of frames.
const (
	FrameHello byte = 1 + iota
	FrameCall
	FrameData
	FrameEOF
	FrameCancel
	FrameOut
	FrameErr
	FrameResult
	FrameWindow
	FramePing
	FramePong
	FrameGoAway
)

// Sizes and limits.
const (
	HeaderSize      = 12        // bytes before a payload
	MaxPayload      = 256 << 10 // bytes of one payload, inflated
	MaxCall         = 8 << 20   // bytes of the name, args, env and metadata of one call
	MaxText         = 64 << 10  // bytes of the text of a Result or a GoAway; the rest is cut off
	MaxHops         = 16        // engines that a call may come through
	DefaultWindow   = 256 << 10 // bytes that may be under way in one direction of one call
	maxWindow       = 2 << 20   // what a default window grows to when its reader keeps up
	DefaultMaxCalls = 1024      // calls that run at once on one connection
	MaxFiles        = 200       // descriptors that travel with one frame; the kernel takes 253
)

const (
	flagMore       = 1 << 0
	flagCompressed = 1 << 1
)

// Frame is one unit of the protocol.
type Frame struct {
	Type       byte
	More       bool // the message goes on in the next frame of the same type and call
	Compressed bool // the payload is deflated; streams inflate by themselves, so their users never see it
	Call       uint32
	Payload    []byte
	Files      []*os.File // descriptors, where the transport can carry them
}

// Transport carries frames. It says nothing about their order beyond this: the
// frames of one goroutine arrive in the order in which they were sent.
type Transport interface {
	// Send is safe for concurrent use. The payload may be changed, and the files
	// closed, as soon as it has returned.
	Send(f Frame) error
	// Receive is called by one goroutine at a time. The payload is valid until the
	// next call; the files belong to the caller. io.EOF is an end between frames.
	Receive() (Frame, error)
	// Close ends both directions and wakes whoever sends or receives.
	Close() error
}

// errGarbage is in the chain of every error about bytes that are no protocol.
var errGarbage = errors.New("this is not the frame protocol of an engine")

// Garbage makes an error of a transport that ends the connection: what came is
// no protocol.
func Garbage(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), errGarbage)
}

// PutHeader writes the header of the frame into b, HeaderSize bytes.
func (f *Frame) PutHeader(b []byte) {
	flags := byte(0)
	if f.More {
		flags |= flagMore
	}
	if f.Compressed {
		flags |= flagCompressed
	}
	b[0], b[1], b[2], b[3] = f.Type, flags, 0, 0
	binary.BigEndian.PutUint32(b[4:], f.Call)
	binary.BigEndian.PutUint32(b[8:], uint32(len(f.Payload)))
}

// AppendFrame appends f as it is on a byte stream, without its files.
func AppendFrame(b []byte, f Frame) []byte {
	var h [HeaderSize]byte
	f.PutHeader(h[:])
	return append(append(b, h[:]...), f.Payload...)
}

// ParseHeader reads a header of HeaderSize bytes. The payload of the frame has
// the length it returns, which is never more than MaxPayload.
func ParseHeader(b []byte) (f Frame, length int, err error) {
	if len(b) < HeaderSize {
		return Frame{}, 0, Garbage("a frame of %d bytes is shorter than its header", len(b))
	}
	f = Frame{Type: b[0], More: b[1]&flagMore != 0, Compressed: b[1]&flagCompressed != 0, Call: binary.BigEndian.Uint32(b[4:])}
	n := binary.BigEndian.Uint32(b[8:])
	switch {
	case f.Type < FrameHello || f.Type > FrameGoAway:
		return Frame{}, 0, Garbage("a frame has type %d", f.Type)
	case b[1]&^(flagMore|flagCompressed) != 0 || b[2] != 0 || b[3] != 0:
		return Frame{}, 0, Garbage("a frame of type %d has unknown flags", f.Type)
	case n > MaxPayload:
		return Frame{}, 0, Garbage("a frame of type %d says it has %d bytes, %d are allowed", f.Type, n, MaxPayload)
	}
	return f, int(n), nil
}

// gone makes the error of everything that needed a connection.
func gone(err error) error {
	return errdefs.Unavailable("the connection to the other engine is gone: %w", err)
}
