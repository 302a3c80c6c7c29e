//go:build linux

package daemontest

import (
	"fmt"
	"strings"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// maxLines is how many lines of the log are kept.
const maxLines = 500

// lines is the log of a daemon: the last ones, shown when the test fails. The
// test's own log would not do, since it must not be written after the test.
type lines struct {
	mu   sync.Mutex
	list []string
}

func (l *lines) add(level, format string, args []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) >= maxLines {
		l.list = append(l.list[:0], l.list[1:]...)
	}
	l.list = append(l.list, level+" "+fmt.Sprintf(format, args...))
}

// Debugf implements server.Logger, as the others do.
func (l *lines) Debugf(format string, args ...any) { l.add("debug", format, args) }

// Infof implements server.Logger.
func (l *lines) Infof(format string, args ...any) { l.add("info", format, args) }

// Warnf implements server.Logger.
func (l *lines) Warnf(format string, args ...any) { l.add("warning", format, args) }

// Errorf implements server.Logger.
func (l *lines) Errorf(format string, args ...any) { l.add("error", format, args) }

// String gives the lines.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.list, "\n")
}

// gone tells whether a container could not be removed because it is or will be.
func gone(err error) bool { return errdefs.IsNotFound(err) || errdefs.IsConflict(err) }
