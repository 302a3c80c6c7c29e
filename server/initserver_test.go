package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

// recording gives n steps that note when they come up and go down; the step
// number bad fails after it has registered its undo.
func recording(s *Server, n, bad int) func() []string {
	var mu sync.Mutex
	var seen []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprintf(format, args...))
	}
	var steps Steps
	for i := range n {
		steps = append(steps, []Step{{fmt.Sprint(i), func(context.Context) error {
			note("+%d", i)
			s.Engine().OnShutdown(fmt.Sprint(i), func(context.Context) error {
				note("-%d", i)
				return nil
			})
			if i == bad {
				return errdefs.Conflict("step %d is unwell", i)
			}
			return nil
		}}})
	}
	s.Use(steps)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

func newServer(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.Root == "" {
		cfg.Root = t.TempDir()
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func TestStepsGoDownInReverse(t *testing.T) {
	s := newServer(t, Config{})
	seen := recording(s, 3, -1)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(seen(), " "); got != "+0 +1 +2 -2 -1 -0" {
		t.Errorf("got %s", got)
	}
}

func TestEachFailingStepLeavesNothing(t *testing.T) {
	for bad := range 3 {
		s := newServer(t, Config{})
		seen := recording(s, 3, bad)
		err := s.Start(context.Background())
		if !errdefs.IsConflict(err) || !strings.Contains(err.Error(), fmt.Sprintf("starting %d: ", bad)) {
			t.Errorf("step %d: %v", bad, err)
		}
		up, down := 0, 0
		for _, word := range seen() {
			if word[0] == '+' {
				up++
			} else {
				down++
			}
		}
		if up != bad+1 || down != up || !s.Engine().IsShutdown() {
			t.Errorf("step %d: %v", bad, seen())
		}
	}
}

func TestStepsOfALineComeUpTogether(t *testing.T) {
	s := newServer(t, Config{})
	var both sync.WaitGroup
	both.Add(2)
	meet := func(context.Context) error {
		both.Done()
		both.Wait()
		return nil
	}
	s.Use(Steps{{{Name: "a", Up: meet}, {Name: "b", Up: meet}}})
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	failing := newServer(t, Config{})
	failing.Use(Steps{{
		{Name: "patient", Up: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		{Name: "unwell", Up: func(context.Context) error { return errdefs.Conflict("no") }},
	}})
	if err := failing.Start(context.Background()); !errdefs.IsConflict(err) || !strings.Contains(err.Error(), "starting unwell") {
		t.Errorf("got %v", err)
	}
}
