package server

import (
	"context"
	"net/http"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// builds are the running ones to which their clients have given a name.
type builds struct {
	mu      sync.Mutex // guards the rest
	last    int
	running map[int]namedBuild
}

type namedBuild struct {
	name   string
	cancel context.CancelCauseFunc
}

// enter makes the context of a build, which cancel ends; done is called when the
// build is over. A build without a name cannot be cancelled so.
func (b *builds) enter(ctx context.Context, name string) (with context.Context, done func()) {
	if name == "" {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running == nil {
		b.running = map[int]namedBuild{}
	}
	b.last++
	self := b.last
	b.running[self] = namedBuild{name, cancel}
	return ctx, func() {
		cancel(nil)
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.running, self)
	}
}

func (b *builds) cancel(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.running {
		if r.name == name {
			r.cancel(errdefs.Unavailable("another client has cancelled it"))
		}
	}
}

// buildCancel serves POST /build/cancel. A name that no build has is none to
// cancel: it may have ended just now.
func buildCancel(x *exchange, _ *route) error {
	name := x.value("id")
	if name == "" {
		return errdefs.InvalidArgument("build ID not provided")
	}
	x.s.builds.cancel(name)
	x.w.WriteHeader(http.StatusOK)
	return nil
}
