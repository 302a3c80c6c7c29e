package execengine

import (
	"os"
	"sync"

	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/logdriver/logdrivers"
)

// log is the log of a container, shared by its streams.
type log struct {
	format  logdriver.Format // nil: no log
	attrs   map[string]string
	ring    *ring // nil: entries are written at once
	running bool  // the ring is being emptied

	mu sync.Mutex        // keeps entries whole; held across the write, which is its purpose
	w  *logdriver.Writer // nil: no log
}

// openLog opens the log that spec asks for. slots bounds how many are compressed
// at a time.
func openLog(spec *logdriver.Spec, slots chan struct{}) (*log, error) {
	l := &log{attrs: spec.Attrs}
	if !spec.Logs() {
		return l, nil
	}
	var err error
	if l.format, err = logdrivers.Format(spec.Driver); err != nil || l.format == nil {
		return l, err
	}
	if l.w, err = logdriver.OpenWriter(spec, slots); err != nil {
		return nil, err
	}
	if spec.Mode == logdriver.NonBlocking {
		l.ring = newRing(spec.MaxBuffer)
	}
	return l, nil
}

// run starts what writes beside the streams, if anything does. It ends with
// close.
func (l *log) run(logf func(string, ...any)) {
	if l.ring != nil {
		l.running = true
		go l.ring.run(l, logf)
	}
}

// file is what is being written; nil: no log.
func (l *log) file() *os.File {
	if l.w == nil {
		return nil
	}
	return l.w.File()
}

// settle waits until what the streams have said is written.
func (l *log) settle() {
	if l.running {
		l.ring.close()
		l.running = false
	}
}

func (l *log) close() {
	l.settle()
	if l.w != nil {
		l.w.Close()
	}
}

// measure reads the size of the log again.
func (l *log) measure() error {
	if l.w == nil {
		return nil
	}
	return l.w.Measure()
}
