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

// conversation is ours with an init or a joiner.
type conversation struct {
	begin    int64    // CLOCK_MONOTONIC, as the init measures
	sync     *os.File // our end
	remote   *os.File // the other one
	console  *os.File // the terminal that came
	warnings []string
	phases   []execproto.Phase
	onChild  func(pid int, pidfd *os.File) error // of a joiner; pidfd is its own from then on
}

func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail
	return ts.Nano()
}

func (t *conversation) phase(name string) {
	t.phases = append(t.phases, execproto.Phase{Name: name, At: time.Duration(monotonic() - t.begin)})
}

// open makes both ends.
func (t *conversation) open() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	err = unix.SetNonblock(pair[0], true) // before it becomes a file, which looks at that
	t.sync, t.remote = os.NewFile(uintptr(pair[0]), "init"), os.NewFile(uintptr(pair[1]), "init")
	return err
}

// order sends the orders. What the other side has to say about its end matters
// more than that they could not be sent.
func (t *conversation) order(setup []byte) error {
	if _, err := t.sync.Write(initproto.AppendFrame(nil, initproto.TypeSetup, setup)); err != nil {
		if report := t.listen(); report != nil {
			return report
		}
		return &initproto.Failure{Step: "start init", Text: err.Error()}
	}
	t.phase("send")
	return nil
}

// converse sends the init its orders and listens to its reports until it has
// executed the workload or has failed.
func (l *launch) converse(setup []byte) error {
	defer func() {
		_ = l.sync.Close() // the conversation is over
		l.sync = nil
	}()
	if err := l.order(setup); err != nil {
		return err
	}
	if err := l.note(); err != nil {
		if report := l.listen(); report != nil {
			return report
		}
		return err
	}
	return l.listen()
}

// listen reads reports until the end of the conversation.
func (t *conversation) listen() error {
	in := &reports{f: t.sync}
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
		if kind == initproto.TypeReady {
			ready = true
		} else if err := t.heard(in, kind, body); err != nil {
			return err
		}
	}
}

// heard takes one report in.
func (t *conversation) heard(in *reports, kind initproto.Type, body []byte) error {
	switch kind {
	case initproto.TypeWarning:
		t.warnings = append(t.warnings, string(body))
		return nil
	case initproto.TypePhase:
		if p, err := initproto.DecodePhase(body); err == nil {
			t.phases = append(t.phases, execproto.Phase{Name: "init " + p.Name, At: time.Duration(p.Nanos - t.begin)})
		}
		return nil
	case initproto.TypeConsole:
		if t.console = in.takeFile(); t.console == nil {
			return &initproto.Failure{Step: "open terminal", Text: "its descriptor is missing"}
		}
		return nil
	case initproto.TypeChild:
		pid, err := initproto.DecodeChild(body)
		pidfd := in.takeFile()
		if err != nil || pidfd == nil || t.onChild == nil {
			return &initproto.Failure{Step: "start process", Text: "its report is damaged"}
		}
		return t.onChild(pid, pidfd)
	case initproto.TypeFailure:
		f, err := initproto.DecodeFailure(body)
		if err != nil {
			return &initproto.Failure{Step: "init", Text: err.Error()}
		}
		return f
	case initproto.TypeRefused:
		f, err := initproto.DecodeRefused(body)
		if err != nil {
			return &initproto.Failure{Step: "init", Text: err.Error()}
		}
		f.Text = unix.Errno(f.Errno).Error()
		return f
	}
	return &initproto.Failure{Step: "init", Text: "it sent a report of an unknown type"}
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
