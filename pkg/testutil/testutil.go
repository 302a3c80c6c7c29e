// Package testutil is what tests of every part share: asking for root and
// noticing what a test leaves behind.
//
// It has no state. Start reading at RequiresRoot, NoGoroutineLeaks and Within. It is
// imported by tests and by packages whose name ends in "test", by nothing else.
package testutil

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// RequiresRoot skips the test, with the reason, unless it runs as root. Such
// tests live in files named *_root_test.go.
func RequiresRoot(t testing.TB) {
	t.Helper()
	if uid := os.Geteuid(); uid != 0 {
		t.Skipf("needs root, runs as uid %d", uid)
	}
}

// NoGoroutineLeaks fails the test if, at its end, goroutines run that did not
// run when it was called. They get two seconds to end. Do not use it in tests
// that run in parallel with others.
func NoGoroutineLeaks(t testing.TB) {
	t.Helper()
	before := goroutines()
	t.Cleanup(func() {
		deadline := time.Now().Add(2 * time.Second)
		for {
			left := leaked(before)
			if len(left) == 0 || t.Failed() {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("%d goroutine(s) left behind:\n\n%s", len(left), strings.Join(left, "\n\n"))
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
}

// goroutines maps the id of each goroutine ("goroutine 7") to its stack.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	stacks := make(map[string]string)
	for _, stack := range strings.Split(string(buf), "\n\n") {
		id, _, _ := strings.Cut(stack, " [")
		stacks[id] = stack
	}
	return stacks
}

// leaked lists the stacks that were not there before and are not the test's own.
func leaked(before map[string]string) []string {
	var left []string
	for id, stack := range goroutines() {
		if _, old := before[id]; old || strings.Contains(stack, "testing.tRunner") ||
			strings.Contains(stack, "testing.(*T).Run") || strings.Contains(stack, "os/signal.loop") {
			continue
		}
		left = append(left, stack)
	}
	return left
}

// Within fails the test at once when f takes longer than d; what names f. Call
// it from the goroutine of the test.
func Within(t testing.TB, d time.Duration, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("%s takes longer than %v", what, d)
	}
}
