//go:build linux

package bridge

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// pause is how long the pool waits after an end was taken before it makes
// another: the container that took it is being started just then.
const pause = 15 * time.Millisecond

// pool keeps a few ends ready. One goroutine refills it, from refill or
// the first take on until close. Nothing depends on the pool having anything.
type pool struct {
	size  int
	build func() (*end, error)
	wake  chan struct{}
	stop  context.CancelFunc
	ctx   context.Context
	wg    sync.WaitGroup

	mu       sync.Mutex // guards what follows
	ready    []*end
	started  bool
	closed   bool
	building chan struct{} // closed when the end in the making is in ready; nil: none is
}

func newPool(size int, build func() (*end, error)) *pool {
	ctx, stop := context.WithCancel(context.Background())
	return &pool{size: size, build: build, wake: make(chan struct{}, 1), ctx: ctx, stop: stop}
}

// take gives a ready end, the oldest first; nil if there is none.
func (p *pool) take() *end {
	defer p.refill()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ready) == 0 {
		return nil
	}
	s := p.ready[0]
	p.ready = slices.Delete(p.ready, 0, 1)
	return s
}

// takeIP gives the ready end that has an address; nil if none has.
func (p *pool) takeIP(ip netip.Addr) *end {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, s := range p.ready {
		if s.v4 == ip {
			p.ready = slices.Delete(p.ready, i, i+1)
			return s
		}
	}
	return nil
}

// settle waits for the end in the making: it may hold the very address
// that somebody wants, or the last one.
func (p *pool) settle(ctx context.Context) {
	p.mu.Lock()
	building := p.building
	p.mu.Unlock()
	if building == nil {
		return
	}
	select {
	case <-building:
	case <-ctx.Done():
	}
}

// refill lets the goroutine fill the pool up.
func (p *pool) refill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size == 0 || p.closed {
		return
	}
	if !p.started {
		p.started = true
		p.wg.Go(p.run)
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *pool) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.wake:
			timer.Reset(pause) // and again, if another is taken meanwhile
		case <-timer.C:
			if p.add() {
				timer.Reset(0)
			}
		}
	}
}

// add makes one sandbox if one is missing, and tells whether to go on. After a
// failure it is tried again when the next one is taken.
func (p *pool) add() (more bool) {
	done := make(chan struct{})
	p.mu.Lock()
	if p.closed || len(p.ready) >= p.size {
		p.mu.Unlock()
		return false
	}
	p.building = done
	p.mu.Unlock()

	s, err := p.build()

	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.ready = append(p.ready, s)
	}
	p.building = nil
	close(done)
	return err == nil && len(p.ready) < p.size
}

// close ends the goroutine and gives back what is left.
func (p *pool) close() []*end {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	p.wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	left := p.ready
	p.ready = nil
	return left
}
