package main

import (
	"context"
	"fmt"
	"sync"
)

// clients gives a client of the API for every engine that has one.
func (b *board) clients() map[string]api {
	all := map[string]api{}
	for _, e := range b.engines {
		if e.socket() != "" {
			all[e.name()] = newAPI(e.socket())
		}
	}
	return all
}

// pool keeps containers of every engine for the time of a bench.
type pool struct {
	clients map[string]api
	ids     map[string][]string
}

func (b *board) pool() *pool { return &pool{b.clients(), map[string][]string{}} }

// fill makes containers, and starts them when it is told to.
func (p *pool) fill(ctx context.Context, n int, started bool, cmd ...string) error {
	for name, a := range p.clients {
		for range n {
			id, err := a.create(ctx, "none", cmd...)
			if err == nil && started {
				err = a.start(ctx, id)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			p.ids[name] = append(p.ids[name], id)
		}
	}
	return nil
}

// empty removes them.
func (p *pool) empty() error {
	for name, a := range p.clients {
		err := together(8, len(p.ids[name]), func(i int) error { return a.remove(context.Background(), p.ids[name][i]) })
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	clear(p.ids)
	return nil
}

// together does n things, so many at once.
func together(at, n int, do func(i int) error) error {
	var all sync.WaitGroup
	errs := make(chan error, at)
	for w := range at {
		all.Go(func() {
			for i := w; i < n; i += at {
				if err := do(i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// rate does n things, so many at once, and tells how many that is in a second.
func rate(at, n int, do func(i int) error) (float64, error) {
	ms, err := timed(func() error { return together(at, n, do) })
	return float64(n) / ms * 1000, err
}

// benchStarts starts many at once.
func benchStarts(ctx context.Context, b *board) error {
	const many, at = 50, 8
	clients := b.clients()
	return b.alternate(ctx, "50 starts, 8 at once", "/s", max(1, b.cfg.rounds/10), target{times: 10, rate: true}, func(e engine) (float64, error) {
		a, ok := clients[e.name()]
		if !ok {
			return -1, nil
		}
		p := pool{map[string]api{e.name(): a}, map[string][]string{}}
		if err := p.fill(ctx, many, false, "sleep", "1000"); err != nil {
			return 0, err
		}
		ids := p.ids[e.name()]
		got, err := rate(at, many, func(i int) error { return a.start(ctx, ids[i]) })
		if err != nil {
			return 0, err
		}
		return got, p.empty()
	})
}

// benchCreate creates many at once.
func benchCreate(ctx context.Context, b *board) error {
	const many, at = 100, 4
	clients := b.clients()
	return b.alternate(ctx, "create, 4 at once", "/s", max(1, b.cfg.rounds/10), target{times: 10, rate: true}, func(e engine) (float64, error) {
		a, ok := clients[e.name()]
		if !ok {
			return -1, nil
		}
		ids := make([]string, many)
		got, err := rate(at, many, func(i int) (err error) {
			ids[i], err = a.create(ctx, "none", "true")
			return err
		})
		if err != nil {
			return 0, err
		}
		return got, together(8, many, func(i int) error { return a.remove(ctx, ids[i]) })
	})
}

// benchCrash kills the daemons while containers run, and waits until the next
// ones serve.
func benchCrash(ctx context.Context, b *board) error {
	p := b.pool()
	if err := p.fill(ctx, 5, true, "sleep", "1000"); err != nil {
		return err
	}
	err := b.alternate(ctx, "kill -9 to serving, 5 running", "ms", min(b.cfg.rounds, 20), target{every: 200}, func(e engine) (float64, error) {
		took, err := e.crash(ctx)
		if took < 0 {
			return -1, err // it has no daemon
		}
		return float64(took.Microseconds()) / 1000, err
	})
	if err != nil {
		return err
	}
	p.clients = b.clients()
	return p.empty()
}

// benchRunning lists containers that run.
func benchRunning(ctx context.Context, b *board) error {
	n := min(100, b.cfg.containers)
	p := b.pool()
	if err := p.fill(ctx, n, true, "sleep", "1000"); err != nil {
		return err
	}
	name := fmt.Sprintf("list of %d running, API", n)
	if err := b.get(ctx, p, name, target{times: 10}, func(string) string { return "/containers/json" }); err != nil {
		return err
	}
	return p.empty()
}

// get measures a question to the API.
func (b *board) get(ctx context.Context, p *pool, name string, goal target, path func(id string) string) error {
	return b.alternate(ctx, name, "ms", b.cfg.rounds, goal, func(e engine) (float64, error) {
		a, ok := p.clients[e.name()]
		if !ok {
			return -1, nil
		}
		id := ""
		if ids := p.ids[e.name()]; len(ids) > 0 {
			id = ids[0]
		}
		return a.perGet(ctx, path(id))
	})
}

// benchPs lists many containers, by the client and by the API, and restarts the
// daemons that have them.
func benchPs(ctx context.Context, b *board) error {
	p := b.pool()
	if err := p.fill(ctx, b.cfg.containers, true, "true"); err != nil {
		return err
	}
	name := fmt.Sprintf("ps -a with %d stopped", b.cfg.containers)
	err := b.alternate(ctx, name, "ms", b.cfg.rounds, target{}, func(e engine) (float64, error) {
		if e.socket() == "" {
			return -1, nil
		}
		return timed(func() error { return command(ctx, e.cli("ps", "-a")) })
	})
	if err != nil {
		return err
	}
	name = fmt.Sprintf("list of %d stopped, API", b.cfg.containers)
	if err := b.get(ctx, p, name, target{times: 20}, func(string) string { return "/containers/json?all=1" }); err != nil {
		return err
	}
	name = fmt.Sprintf("daemon start to serving, %d stopped", b.cfg.containers)
	err = b.alternate(ctx, name, "ms", min(b.cfg.rounds, 10), target{times: 10}, func(e engine) (float64, error) {
		took, err := e.start(ctx)
		if took < 0 {
			return -1, err
		}
		return float64(took.Microseconds()) / 1000, err
	})
	if err != nil {
		return err
	}
	p.clients = b.clients()
	return p.empty()
}
