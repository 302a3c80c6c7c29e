package engine

import (
	"container/list"
	"sync"
	"sync/atomic"

	"github.com/enginejobs/docker/errdefs"
)

// Limits bound how many jobs from outside run at once. Zero means unlimited.
//
// They hold for jobs that have a Caller and no parent on this engine; jobs that
// are declared Waits or Control never count. What the program does on its own
// account, and the children of what runs, are never held up: so a job that waits
// for others cannot wait for itself. A job that ignores its cancel counts until
// it ends.
//
// One client gets at most three quarters of the places of a class, rounded up,
// even when nobody else wants the rest: what hangs, such as an answer that its
// caller does not read, never keeps the others out.
type Limits struct {
	Reads          int // jobs that only read
	Writes         int // jobs that change state, and those without a declaration
	QueuePerClient int // jobs of one client that wait for their turn, per class
}

// SetLimits sets the limits. Jobs that run already stay; those that wait are let
// in as far as the new limits allow. What was started without any limit set is
// not counted later.
func (e *Engine) SetLimits(l Limits) { e.turns.set(l) }

// turns keeps the limits. The jobs of a client wait in the order in which they
// were started; the clients take turns, one job each. It is its own lock, and a
// leaf: nothing is called while it is held.
type turns struct {
	limited atomic.Bool // some limit is set; a look without the lock

	mu      sync.Mutex
	queue   int // Limits.QueuePerClient
	reads   class
	writes  class
	closed  bool
	refused uint64
}

// class is one kind of jobs, guarded by turns.mu.
type class struct {
	limit   int
	busy    int
	waiting int
	clients map[string]*list.Element // of order
	holds   map[string]int           // places of each client that has one
	order   list.List                // of *line: whose turn it is, in order
	granted turn                     // stands for every place that was free at once
}

// line is what one client has waiting; it is there only while there is something.
type line struct {
	client string
	jobs   list.List // of *turn
}

// turn is a place for one job, granted at once or waited for.
type turn struct {
	class *class
	line  *line         // guarded by turns.mu; nil: not in a queue
	place *list.Element // in line.jobs
	ready chan struct{} // nil: granted at once; else closed when it is no more queued
	err   error         // set before ready is closed: there will be no place
}

func (t *turns) set(l Limits) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads.limit, t.writes.limit, t.queue = l.Reads, l.Writes, l.QueuePerClient
	t.limited.Store(l.Reads > 0 || l.Writes > 0)
	t.reads.grant()
	t.writes.grant()
}

// enter asks for a place: the answer is there at once, as an error, a place, or
// a turn to wait for.
func (t *turns) enter(changes bool, client string) (*turn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.reads
	if changes {
		c = &t.writes
	}
	switch {
	case t.closed:
		return nil, errdefs.Unavailable("engine is shutdown")
	case c.free(client):
		c.take(client)
		c.granted.class = c
		return &c.granted, nil
	}
	e := c.clients[client]
	if e == nil {
		if c.clients == nil {
			c.clients = map[string]*list.Element{}
		}
		e = c.order.PushBack(&line{client: client})
		c.clients[client] = e
	}
	l := e.Value.(*line)
	if n := l.jobs.Len(); t.queue > 0 && n >= t.queue {
		t.refused++
		return nil, errdefs.Unavailable("%d jobs of this client wait for their turn already, more are not taken; try again later", n)
	}
	w := &turn{class: c, line: l, ready: make(chan struct{})}
	w.place = l.jobs.PushBack(w)
	c.waiting++
	return w, nil
}

// room tells whether a place is free.
func (c *class) room() bool { return c.limit <= 0 || c.busy < c.limit }

// free tells whether a job of a client may run at once. Where there is room, all
// that wait are of clients that have their share.
func (c *class) free(client string) bool { return c.room() && !c.sated(client) }

// sated tells whether a client has all the places that one client may have. At
// most one is, since that is more than half of them.
func (c *class) sated(client string) bool {
	return c.limit > 0 && c.holds[client] >= c.limit-c.limit/4
}

// take gives a place to a client.
func (c *class) take(client string) {
	if c.holds == nil {
		c.holds = map[string]int{}
	}
	c.busy++
	c.holds[client]++
}

// grant lets in whoever may, one job of each client after the other.
func (c *class) grant() {
	for head := c.order.Front(); head != nil && c.room(); {
		l := head.Value.(*line)
		if c.sated(l.client) {
			head = head.Next()
			continue
		}
		w := l.jobs.Front().Value.(*turn)
		c.order.MoveToBack(head)
		c.drop(w)
		c.take(l.client)
		close(w.ready)
		head = c.order.Front()
	}
}

// drop takes a turn out of its queue.
func (c *class) drop(w *turn) {
	l := w.line
	l.jobs.Remove(w.place)
	w.line, w.place = nil, nil
	c.waiting--
	if l.jobs.Len() == 0 {
		c.order.Remove(c.clients[l.client])
		delete(c.clients, l.client)
	}
}

// leave gives up waiting. It tells whether the turn was still in the queue; if
// not, it was granted (or refused) in the meantime.
func (t *turns) leave(w *turn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.line == nil {
		return false
	}
	w.class.drop(w)
	return true
}

// done gives a place of a client back.
func (t *turns) done(w *turn, client string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := w.class
	c.busy--
	if c.holds[client]--; c.holds[client] <= 0 {
		delete(c.holds, client)
	}
	c.grant()
}

// close refuses all that waits and all that comes.
func (t *turns) close(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, c := range [...]*class{&t.reads, &t.writes} {
		for c.waiting > 0 {
			w := c.order.Front().Value.(*line).jobs.Front().Value.(*turn)
			c.drop(w)
			w.err = err
			close(w.ready)
		}
	}
}

func (t *turns) numbers() (queued int, refused uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reads.waiting + t.writes.waiting, t.refused
}
