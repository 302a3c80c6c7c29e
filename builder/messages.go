package builder

import (
	"fmt"
	"io"

	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
)

// messages is what a build tells. A client that has left is not told.
type messages struct {
	out  io.Writer
	w    *jsonstream.Writer
	json bool
	aux  bool // clients know messages that are no text, too
}

func newMessages(out io.Writer, asJSON bool, steps string) *messages {
	return &messages{out: out, w: jsonstream.NewWriter(out, asJSON), json: asJSON, aux: asJSON && steps == stepsOf}
}

// text sends text with its own line ends.
func (m *messages) text(s string) { _ = m.w.Stream(s) }

func (m *messages) line(format string, args ...any) { m.text(fmt.Sprintf(format, args...) + "\n") }

// warn sends a warning.
func (m *messages) warn(s string) { m.text(red(" ---> [Warning] " + s + "\n")) }

// built is what programs look for.
func (m *messages) built(id string) error {
	if m.aux {
		if err := m.w.Aux(struct{ ID string }{id}); err != nil {
			return err
		}
	}
	m.line("Successfully built %s", image.ShortID(id))
	return nil
}

// red is how the errors of commands are shown.
func red(s string) string { return "\x1b[91m" + s + "\x1b[0m" }

// stdout and stderr are the output of a command.
func (m *messages) stdout() io.Writer {
	return writerFunc(func(b []byte) error { return m.w.Stream(string(b)) })
}

func (m *messages) stderr() io.Writer {
	return writerFunc(func(b []byte) error { return m.w.Stream(red(string(b))) })
}

type writerFunc func([]byte) error

// Write calls the function.
func (f writerFunc) Write(b []byte) (int, error) {
	if err := f(b); err != nil {
		return 0, err
	}
	return len(b), nil
}
