// Package initproto owns the messages between the exec engine and the init of a
// container. It has no state and decides nothing: both ends agree on it, so that
// neither needs the other's code. Start reading at the table of messages. It is
// on the start path of each container and is linked into the small init binary,
// so it imports nothing of this module and no encoder that works by reflection.
//
// The two talk over a socket pair (stream) which is descriptor 3 of the init and
// is closed by its exec. A frame is a byte with the type, four bytes with the
// length (little endian) and the body.
//
//	exec engine                       init
//	-----------                       ----
//	(clone into new namespaces)  ->   starts, waits for the first frame
//	Setup                        ->   mounts, joins, restricts as told
//	                             <-   Warning   text; any number of them
//	                             <-   Phase     name and nanoseconds; only when Setup.Timings
//	                             <-   Console   with the terminal's master as a descriptor; only when Setup.Tty
//	                             <-   Ready     all is set up; what follows is the exec
//	                             <-   Failure   step, object, errno, text; then the init exits
//	                             <-   (end of file: after Ready the workload was executed, else the init died)
//
// One more process of a running container is set up by a process of its own, the
// joiner, that becomes neither: its child, which is the exec engine's too, does.
// Descriptor TargetFD is the pidfd of the container's first process.
//
//	exec engine                       joiner and child
//	-----------                       ----------------
//	Setup                        ->   enters the namespaces, lowers rights
//	                             <-   Warning, Phase, Console as above
//	                             <-   Child     pid; its pidfd as a descriptor. The joiner exits
//	one byte                     ->   the child goes on
//	                             <-   Ready     from the child
//	                             <-   Failure from the joiner, or Refused from the child
//
// A frame of an unknown type is an error: both ends come from one build. The
// codec of a body is one function per type, used in both directions.
package initproto

import (
	"encoding/binary"
	"errors"
	"io"
)

// Roles of the init binary, as its first argument. The conversation is on
// descriptor SyncFD; the workload's half, below a small init, gets its setup
// from the first half over SetupFD.
const (
	RoleInit     = "init"     // set up a container and execute its workload
	RoleWorkload = "workload" // the workload's half
	RoleExec     = "exec"     // add a process to a running container; the second argument is the container's pid

	SyncFD   = 3
	SetupFD  = 4
	TargetFD = 4
)

// Type tells what the body of a frame is.
type Type byte

// The messages, see the package comment.
const (
	TypeSetup Type = 1 + iota
	TypeWarning
	TypePhase
	TypeConsole
	TypeReady
	TypeFailure
	TypeChild
	TypeRefused
)

// Step is where a child failed that cannot put it into words: it has no memory
// of its own.
type Step byte

// The steps of a child.
const (
	StepJoin Step = 1 + iota
	StepTerminal
	StepNoNewPrivs
	StepCapabilities
	StepFilter
	StepExec
)

var stepNames = [...]string{
	StepJoin: "join namespace", StepTerminal: "take terminal", StepNoNewPrivs: "set no_new_privs",
	StepCapabilities: "set capabilities", StepFilter: "load seccomp filter", StepExec: "exec",
}

// RefusedSize is the length of the body of a TypeRefused frame: the step and, in
// four bytes, errno.
const RefusedSize = 5

// DecodeRefused gives the failure that a TypeRefused frame stands for.
func DecodeRefused(b []byte) (*Failure, error) {
	if len(b) != RefusedSize || int(b[0]) >= len(stepNames) {
		return nil, ErrShort
	}
	return &Failure{Step: stepNames[b[0]], Errno: binary.LittleEndian.Uint32(b[1:])}, nil
}

// EncodeChild gives the body of a TypeChild frame.
func EncodeChild(pid int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(pid)) }

// DecodeChild is the inverse of EncodeChild.
func DecodeChild(b []byte) (pid int, err error) {
	if len(b) != 4 {
		return 0, ErrShort
	}
	return int(binary.LittleEndian.Uint32(b)), nil
}

// MaxBody bounds one frame: a Setup with the largest environment that exec takes.
const MaxBody = 8 << 20

// HeaderSize is the length of what precedes each body.
const HeaderSize = 5

// AppendFrame appends a whole frame to b.
func AppendFrame(b []byte, t Type, body []byte) []byte {
	b = append(b, byte(t))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// ParseHeader splits the header of a frame.
func ParseHeader(h []byte) (Type, int, error) {
	if len(h) < HeaderSize {
		return 0, 0, io.ErrUnexpectedEOF
	}
	n := binary.LittleEndian.Uint32(h[1:])
	if n > MaxBody {
		return 0, 0, errors.New("frame is too long")
	}
	return Type(h[0]), int(n), nil
}

// Failure is the report of an init that could not execute the workload. It is an
// error at the end that receives it.
type Failure struct {
	Step   string
	Object string
	Errno  uint32 // 0 when the cause was none of the kernel's
	Text   string
}

// Error gives one sentence.
func (f *Failure) Error() string {
	s := f.Step
	if f.Object != "" {
		s += " " + f.Object
	}
	return s + ": " + f.Text
}

func (f *Failure) code(c *coder) {
	c.str(&f.Step)
	c.str(&f.Object)
	c.u32(&f.Errno)
	c.str(&f.Text)
}

// Encode gives the body of a TypeFailure frame.
func (f *Failure) Encode() []byte { return encode(f) }

// DecodeFailure is the inverse of Failure.Encode.
func DecodeFailure(b []byte) (*Failure, error) {
	f := new(Failure)
	return f, decode(b, f)
}

// Phase is one measured part of the start.
type Phase struct {
	Name  string
	Nanos int64 // CLOCK_MONOTONIC at its end
}

func (p *Phase) code(c *coder) {
	c.str(&p.Name)
	c.i64(&p.Nanos)
}

// Encode gives the body of a TypePhase frame.
func (p *Phase) Encode() []byte { return encode(p) }

// DecodePhase is the inverse of Phase.Encode.
func DecodePhase(b []byte) (*Phase, error) {
	p := new(Phase)
	return p, decode(b, p)
}
