package execengine

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/execproto"
	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// converse sends the init its orders and listens to its reports until it has
// executed the workload or has failed.
func (l *launch) converse(setup []byte) error {
	defer func() {
		_ = l.sync.Close() // the conversation is over
		l.sync = nil
	}()
	if _, err := l.sync.Write(initproto.AppendFrame(nil, initproto.TypeSetup, setup)); err != nil {
		// What the init has to say about its end matters more.
		if report := l.listen(); report != nil {
			return report
		}
		return &initproto.Failure{Step: "start init", Text: err.Error()}
	}
	l.phase("send")
	if err := l.note(); err != nil {
		if report := l.listen(); report != nil {
			return report
		}
		return err
	}
	return l.listen()
}

// listen reads reports until the end of the conversation.
func (l *launch) listen() error {
	in := &reports{f: l.sync}
	defer in.closeFiles()
	ready := false
	for {
		kind, body, err := in.next()
		if errors.Is(err, io.EOF) {
			if ready {
				return nil
			}
			return &initproto.Failure{Step: "init", Text: "it ended before it had set up the container"}
		}
		if err != nil {
			return &initproto.Failure{Step: "init", Text: err.Error()}
		}
		switch kind {
		case initproto.TypeWarning:
			l.answer.Warnings = append(l.answer.Warnings, string(body))
		case initproto.TypePhase:
			if p, err := initproto.DecodePhase(body); err == nil {
				l.answer.Phases = append(l.answer.Phases,
					execproto.Phase{Name: "init " + p.Name, At: time.Duration(p.Nanos - l.begin)})
			}
		case initproto.TypeConsole:
			if l.console = in.takeFile(); l.console == nil {
				return &initproto.Failure{Step: "open terminal", Text: "its descriptor is missing"}
			}
		case initproto.TypeReady:
			ready = true
		case initproto.TypeFailure:
			f, err := initproto.DecodeFailure(body)
			if err != nil {
				return &initproto.Failure{Step: "init", Text: err.Error()}
			}
			return f
		default:
			return &initproto.Failure{Step: "init", Text: "it sent a report of an unknown type"}
		}
	}
}

// reports reads frames, and descriptors beside them, from the init.
type reports struct {
	f     *os.File
	buf   []byte // received, not consumed
	files []*os.File
}

func (r *reports) takeFile() *os.File {
	if len(r.files) == 0 {
		return nil
	}
	f := r.files[0]
	r.files = r.files[1:]
	return f
}

func (r *reports) closeFiles() { closeAll(r.files) }

func (r *reports) next() (initproto.Type, []byte, error) {
	if err := r.fill(initproto.HeaderSize); err != nil {
		return 0, nil, err
	}
	kind, n, err := initproto.ParseHeader(r.buf)
	if err != nil {
		return 0, nil, err
	}
	if err := r.fill(initproto.HeaderSize + n); err != nil {
		return 0, nil, err
	}
	body := r.buf[initproto.HeaderSize : initproto.HeaderSize+n]
	r.buf = r.buf[initproto.HeaderSize+n:]
	return kind, body, nil
}

// fill receives until buf has n bytes; io.EOF is an end between two frames.
func (r *reports) fill(n int) error {
	raw, err := r.f.SyscallConn()
	if err != nil {
		return err
	}
	for len(r.buf) < n {
		chunk := make([]byte, 4096)
		oob := make([]byte, unix.CmsgSpace(4*4))
		var got, oobn int
		var failure error
		err := raw.Read(func(fd uintptr) bool {
			for {
				got, oobn, _, _, failure = unix.Recvmsg(int(fd), chunk, oob, unix.MSG_CMSG_CLOEXEC)
				if failure != unix.EINTR {
					return failure != unix.EAGAIN
				}
			}
		})
		if err = errors.Join(err, failure); errors.Is(err, unix.ECONNRESET) {
			got, err = 0, nil // it ended without having read its orders
		}
		if err != nil {
			return err
		}
		if oobn > 0 {
			r.files = append(r.files, passed(oob[:oobn])...)
		}
		if got == 0 {
			if len(r.buf) == 0 {
				return io.EOF
			}
			return io.ErrUnexpectedEOF
		}
		r.buf = append(r.buf, chunk[:got]...)
	}
	return nil
}

// passed makes files of received descriptors, ready to be waited on.
func passed(oob []byte) []*os.File {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var files []*os.File
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			continue // nothing that we asked for
		}
		for _, fd := range fds {
			if unix.SetNonblock(fd, true) != nil {
				unix.Close(fd)
				continue
			}
			files = append(files, os.NewFile(uintptr(fd), "from init"))
		}
	}
	return files
}
