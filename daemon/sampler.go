package daemon

import (
	"context"
	"errors"
	"sync"
	"time"
)

// samplePeriod is how often a watched container is looked at.
const samplePeriod = time.Second

// samplers are the containers that somebody watches, by id.
type samplers struct {
	mu   sync.Mutex // guards byID, and the watchers of each
	byID map[string]*sampler
}

// sampler looks at one container as long as it is watched, on a goroutine of its
// own: one that hangs in the kernel is nobody else's trouble.
type sampler struct {
	watchers int
	stop     context.CancelFunc

	mu     sync.Mutex // guards the rest
	latest *sampled
	newer  chan struct{} // closed when latest is replaced
}

// sampled is what the watchers of a container are given.
type sampled struct {
	line    []byte
	at      time.Time
	running bool
	before  bool // it holds the processor time of the sample before
	over    bool // the container is removed
	err     error
}

// watcher is one who watches.
type watcher struct {
	all  *samplers
	id   string
	of   *sampler
	seen *sampled
	gone <-chan struct{}
}

var errDaemonGoes = errors.New("the daemon stops")

// join begins to watch a container. The watcher must leave.
func (all *samplers) join(d *Daemon, c *container) *watcher {
	all.mu.Lock()
	defer all.mu.Unlock()
	s := all.byID[c.id]
	if s == nil {
		ctx, stop := context.WithCancel(d.ctx)
		s = &sampler{stop: stop, newer: make(chan struct{})}
		if all.byID == nil {
			all.byID = make(map[string]*sampler)
		}
		all.byID[c.id] = s
		d.track(func() { d.keepSampling(ctx, c, s) })
	}
	s.watchers++
	return &watcher{all: all, id: c.id, of: s, gone: d.ctx.Done()}
}

// leave ends the watching; the last one stops the sampler.
func (w *watcher) leave() {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	if w.of.watchers--; w.of.watchers == 0 {
		w.of.stop()
		delete(w.all.byID, w.id)
	}
}

// next waits for a sample that the watcher has not seen. One that is there
// already is good for the first time if it is fresh.
func (w *watcher) next(ctx context.Context) (*sampled, error) {
	for {
		w.of.mu.Lock()
		latest, newer := w.of.latest, w.of.newer
		w.of.mu.Unlock()
		if latest != nil && latest != w.seen && (w.seen != nil || latest.over || time.Since(latest.at) < 2*samplePeriod) {
			w.seen = latest
			return latest, nil
		}
		select {
		case <-newer:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-w.gone:
			return nil, errDaemonGoes
		}
	}
}

func (s *sampler) publish(next *sampled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = next
	close(s.newer)
	s.newer = make(chan struct{})
}

// keepSampling publishes a sample a second until nobody watches any more or the
// container is removed.
func (d *Daemon) keepSampling(ctx context.Context, c *container, s *sampler) {
	tick := time.NewTicker(samplePeriod)
	defer tick.Stop()
	var last run
	for {
		next := &sampled{at: time.Now()}
		stats, now, err := d.sample(ctx, c)
		if stats != nil {
			next.running = true
			next.before = last.stats != nil && last.started.Equal(now.started)
			if next.before {
				stats.PreRead, stats.PreCPUStats = last.stats.Read, last.stats.CPUStats
			}
		}
		last = run{stats: stats, started: now.started}
		if next.err = err; err == nil {
			next.line, next.err = statsLine(c, stats)
		}
		s.publish(next)
		if !waitTick(ctx, c, tick.C) {
			break
		}
	}
	if ctx.Err() == nil {
		s.publish(&sampled{at: time.Now(), over: true})
	}
}

// waitTick waits for the time of the next sample. False: there will be none.
func waitTick(ctx context.Context, c *container, tick <-chan time.Time) bool {
	for {
		now := c.now()
		if now.state.Phase == removed {
			return false
		}
		select {
		case <-tick:
			return true
		case <-now.changed:
		case <-ctx.Done():
			return false
		}
	}
}
