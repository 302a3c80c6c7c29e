package daemon

import (
	"context"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// hub is who is attached to a container. While somebody is, there is one
// subscription to the raw output of its run (a session); with nobody attached
// there is none, and output costs the daemon nothing. An attached client that
// does not read holds up this container's output only, and only until its job
// is cancelled.
type hub struct {
	mu      sync.Mutex               // guards the two below; never held across I/O
	waiting map[*attachment]struct{} // attached before a start
	now     *session                 // of the present run; nil: nobody is attached to it
}

// session is one subscription to one run.
type session struct {
	hub     *hub
	files   []*os.File // read ends
	clients []*attachment
	pumps   int // streams that have not ended
	over    bool
}

// attachment is one client.
type attachment struct {
	stdout, stderr bool
	out            chan chunk
	left           chan struct{} // closed when the client leaves
	live           chan struct{} // closed when the workload runs
	ended          chan struct{} // closed after the last chunk
	sess           *session
	ran            bool
}

// chunk is a piece of output. It never changes while somebody has it.
type chunk struct {
	stderr bool
	data   []byte
	from   *block // of which data is a part
}

// block is memory to read into, shared by the clients that its output is for.
// The last one to have written it gives it back; what a client that leaves has
// not written is left to the garbage collector.
type block struct {
	readers atomic.Int32
	b       [64 << 10]byte
}

var blocks = sync.Pool{New: func() any { return new(block) }}

// release tells that one client has written a chunk.
func (k chunk) release() {
	if k.from != nil && k.from.readers.Add(-1) == 0 {
		blocks.Put(k.from)
	}
}

// queue is how many chunks may wait for a client before the workload does.
const queue = 16

func newAttachment(stdout, stderr bool) *attachment {
	return &attachment{
		stdout: stdout, stderr: stderr, out: make(chan chunk, queue), left: make(chan struct{}),
		live: make(chan struct{}), ended: make(chan struct{}),
	}
}

// join adds a client: to the present run if there is one, else to the next.
func (h *hub) join(a *attachment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting == nil {
		h.waiting = map[*attachment]struct{}{}
	}
	h.waiting[a] = struct{}{}
}

// leave removes a client. The last one ends the subscription.
func (h *hub) leave(a *attachment) {
	close(a.left)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting, a)
	s := a.sess
	if s == nil || s.over {
		return
	}
	s.clients = slices.DeleteFunc(slices.Clone(s.clients), func(x *attachment) bool { return x == a })
	if len(s.clients) == 0 {
		h.end(s)
	}
}

// end closes a subscription. h.mu is held.
func (h *hub) end(s *session) {
	s.over = true
	if h.now == s {
		h.now = nil
	}
	for _, f := range s.files {
		f.Close()
	}
	for _, a := range s.clients {
		close(a.ended)
	}
	s.clients = nil
}

// adopt moves those who wait into the session of a run. h.mu is held.
func (h *hub) adopt(s *session) {
	clients := slices.Clone(s.clients)
	for a := range h.waiting {
		a.sess = s
		clients = append(clients, a)
		delete(h.waiting, a)
	}
	s.clients = clients
}

// prepare makes a session for a run that is about to start or for those who
// came late, if somebody waits. The files in Output belong to the driver; the
// pumps run on track until the streams end.
func (h *hub) prepare(tty bool, track func(func())) (execdriver.Output, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) == 0 {
		return execdriver.Output{}, nil
	}
	var out execdriver.Output
	s := &session{hub: h, pumps: 1}
	r, w, err := os.Pipe()
	if err != nil {
		return out, errdefs.Internal("making a pipe to attach: %w", err)
	}
	s.files, out.Stdout = append(s.files, r), w
	if !tty {
		r, w, err := os.Pipe()
		if err != nil {
			s.files[0].Close()
			out.Stdout.Close()
			return execdriver.Output{}, errdefs.Internal("making a pipe to attach: %w", err)
		}
		s.files, out.Stderr = append(s.files, r), w
		s.pumps++
	}
	h.adopt(s)
	h.now = s
	for i, f := range s.files {
		track(func() { s.pump(f, i == 1) })
	}
	return out, nil
}

// fresh lets go of the session of an earlier run, whose last output may still
// be on its way to slow clients.
func (h *hub) fresh() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = nil
}

// begin tells the clients of the present session that the workload runs.
func (h *hub) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now == nil {
		return
	}
	for _, a := range h.now.clients {
		if !a.ran {
			a.ran = true
			close(a.live)
		}
	}
}

// share lets those who wait join the present session, if there is one.
func (h *hub) share() (shared, needed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now != nil && !h.now.over {
		h.adopt(h.now)
		return true, false
	}
	return false, len(h.waiting) > 0
}

// dismiss ends the wait of those who are in no session: the start they waited
// for failed, or the container is gone.
func (h *hub) dismiss() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for a := range h.waiting {
		close(a.ended)
		delete(h.waiting, a)
	}
}

// pump hands one stream to the clients until it ends.
func (s *session) pump(f *os.File, stderr bool) {
	for {
		from := blocks.Get().(*block)
		n, err := f.Read(from.b[:])
		if n > 0 {
			s.deliver(chunk{stderr, from.b[:n], from})
		} else {
			blocks.Put(from)
		}
		if err != nil {
			break
		}
	}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.pumps--; s.pumps == 0 && !s.over {
		s.hub.end(s)
	}
}

func (s *session) deliver(c chunk) {
	s.hub.mu.Lock()
	clients := s.clients // replaced, never changed
	s.hub.mu.Unlock()
	c.from.readers.Store(int32(len(clients)) + 1)
	for _, a := range clients {
		if c.stderr && !a.stderr || !c.stderr && !a.stdout {
			c.release()
			continue
		}
		select {
		case a.out <- c:
		case <-a.left:
		}
	}
	c.release()
}

// subscribe connects those who wait to a run that is under way.
func (d *Daemon) subscribe(ctx context.Context, c *container) error {
	h := &c.hub
	shared, needed := h.share()
	if shared {
		h.begin()
		return nil
	}
	if !needed {
		return nil
	}
	out, err := h.prepare(c.now().rec.Config.Tty, d.track)
	if err != nil || out.Stdout == nil {
		return err
	}
	if err := d.opt.Exec.Attach(ctx, c.id, out); err != nil {
		return err
	}
	h.begin()
	return nil
}
