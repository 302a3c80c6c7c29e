package testutil

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// recorder stands in for the test that is judged.
type recorder struct {
	testing.TB
	cleanups []func()
	errors   []string
	skipped  string
}

func (r *recorder) Helper()          {}
func (r *recorder) Failed() bool     { return len(r.errors) > 0 }
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *recorder) Skipf(format string, args ...any) { r.skipped = fmt.Sprintf(format, args...) }

func TestNoGoroutineLeaks(t *testing.T) {
	for _, leaky := range []bool{false, true} {
		gate := make(chan struct{})
		r := &recorder{TB: t}
		NoGoroutineLeaks(r)
		go func() { <-gate }()
		if !leaky {
			close(gate)
		}
		r.cleanups[0]()
		if leaky != (len(r.errors) == 1 && strings.Contains(r.errors[0], "TestNoGoroutineLeaks")) {
			t.Errorf("leaky %v: %q", leaky, r.errors)
		}
		if leaky {
			close(gate)
		}
	}
}

func TestRequiresRoot(t *testing.T) {
	r := &recorder{TB: t}
	RequiresRoot(r)
	if skipped := r.skipped != ""; skipped == (os.Geteuid() == 0) {
		t.Errorf("as uid %d: %q", os.Geteuid(), r.skipped)
	}
}
