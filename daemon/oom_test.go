package daemon

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestOOM: a child's kill is an event and a mark; it does not stay for the next run.
func TestOOM(t *testing.T) {
	f := setup(t)
	id := f.create("box", "sleep 60")
	f.run("start", "box")
	f.events.take()
	f.world.OOM(id)
	c := f.containers.byID(id)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.until(ctx, func(s *snapshot) bool { return s.state.OOMKilled }); err != nil {
		t.Fatal(err)
	}
	if s := f.inspect("box").State; !s.OOMKilled || !s.Running {
		t.Errorf("%+v", s)
	}
	f.run("kill", "box")
	f.wait("box", "not-running")
	f.run("start", "box")
	if s := f.inspect("box").State; s.OOMKilled {
		t.Errorf("%+v", s)
	}
	if got := f.events.take(); strings.Count(got, "oom") != 1 || !strings.HasPrefix(got, "oom") {
		t.Errorf("events: %s", got)
	}
	f.world.OOM("nobody")
}
