package sysinit

import (
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// reporter is our end of the conversation with the exec engine.
type reporter struct {
	fd      int
	timings bool
	shared  []int // what openShared has for mountAll
}

func (r *reporter) readFull(b []byte) error {
	for len(b) > 0 {
		n, err := unix.Read(r.fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return errAt("setup", "", err)
		}
		if n == 0 {
			return errAt("setup", "", text("the exec engine went away"))
		}
		b = b[n:]
	}
	return nil
}

// setup waits for our orders.
func (r *reporter) setup() (*initproto.Setup, error) {
	var head [initproto.HeaderSize]byte
	if err := r.readFull(head[:]); err != nil {
		return nil, err
	}
	t, n, err := initproto.ParseHeader(head[:])
	if err != nil || t != initproto.TypeSetup {
		return nil, errAt("setup", "", text("the first message is no setup"))
	}
	body := make([]byte, n)
	if err := r.readFull(body); err != nil {
		return nil, err
	}
	s, err := initproto.DecodeSetup(body)
	return s, errAt("setup", "", err)
}

// send tells the exec engine something. When nobody listens there is no other
// place to tell, and only the caller knows whether it can go on.
func (r *reporter) send(t initproto.Type, body []byte, fds ...int) (heard bool) {
	frame := initproto.AppendFrame(nil, t, body)
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	for len(frame) > 0 {
		n, err := unix.SendmsgN(r.fd, frame, oob, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return false
		}
		frame, oob = frame[n:], nil
	}
	return true
}

func (r *reporter) warn(msg string) { r.send(initproto.TypeWarning, []byte(msg)) }

func (r *reporter) phase(name string) {
	if !r.timings {
		return
	}
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) == nil {
		r.send(initproto.TypePhase, (&initproto.Phase{Name: name, Nanos: ts.Nano()}).Encode())
	}
}

// fail reports an error and gives the exit status that goes with it.
func (r *reporter) fail(err error) int {
	f, ok := err.(*initproto.Failure)
	if !ok {
		f = &initproto.Failure{Step: "init", Text: err.Error()}
	}
	r.send(initproto.TypeFailure, f.Encode())
	return 125
}
