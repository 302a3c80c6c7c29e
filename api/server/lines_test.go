package server

import (
	"fmt"
	"strings"
	"sync"
)

// lines is a log in memory.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.text, format+"\n", args...)
}

func (l *lines) Debugf(format string, args ...any) { l.add(format, args...) }
func (l *lines) Infof(format string, args ...any)  { l.add(format, args...) }
func (l *lines) Warnf(format string, args ...any)  { l.add(format, args...) }
func (l *lines) Errorf(format string, args ...any) { l.add(format, args...) }

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
