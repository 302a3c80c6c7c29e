package events

import (
	"encoding/json"
	"maps"
	"sync"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
)

const (
	kept   = 256  // events that since can bring back
	queued = 1024 // events that may wait for one subscriber
)

// Options configure the journal. All may be left out.
type Options struct {
	Now func() time.Time // nil: time.Now
}

// Events is the journal and its subscribers.
type Events struct {
	now func() time.Time

	// mu guards the rest. Nothing blocks while it is held.
	mu      sync.Mutex
	journal []entry // the oldest first, at most kept
	last    int64   // timeNano of the newest event
	subs    map[*subscription]struct{}
	logged  uint64 // events so far
	dropped uint64 // subscribers that were too slow
}

// entry is a stored event, and its line of JSON as everybody gets it. Neither
// is ever changed.
type entry struct {
	event *api.Event
	line  []byte
}

// New makes an empty journal.
func New(opt Options) *Events {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Events{now: opt.Now, subs: map[*subscription]struct{}{}}
}

var _ engine.Installer = (*Events)(nil)

// Install puts the jobs on the bus.
func (e *Events) Install(eng *engine.Engine) error {
	return eng.Declare(
		e.eventsDeclaration(),
		e.logDeclaration(),
		e.subscribersCountDeclaration(),
	)
}

// The types of things that events happen to.
const (
	TypeContainer = "container"
	TypeImage     = "image"
	TypeNetwork   = "network"
	TypeVolume    = "volume"
	TypeDaemon    = "daemon"
)

// Log stores an event and hands it to the subscribers. It costs a few
// microseconds and waits for nobody. The attributes are copied; "name" and, of a
// container, "image" are the ones that filters and old clients look at.
func (e *Events) Log(typ, action, id string, attributes map[string]string) {
	ev := &api.Event{
		Type: typ, Action: action, Scope: "local",
		Actor: api.EventActor{ID: id, Attributes: maps.Clone(attributes)},
	}
	if ev.Actor.Attributes == nil {
		ev.Actor.Attributes = map[string]string{}
	}
	if typ == TypeContainer || typ == TypeImage {
		ev.Status, ev.ID = action, id
	}
	if typ == TypeContainer {
		ev.From = attributes["image"]
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	nano := max(e.now().UnixNano(), e.last+1)
	e.last, ev.TimeNano, ev.Time = nano, nano, nano/int64(time.Second)
	line, err := json.Marshal(ev)
	if err != nil {
		return // strings and numbers always marshal
	}
	ent := entry{ev, append(line, '\n')}
	if len(e.journal) == kept {
		copy(e.journal, e.journal[1:])
		e.journal = e.journal[:kept-1]
	}
	e.journal = append(e.journal, ent)
	e.logged++
	for s := range e.subs {
		s.offer(e, ent)
	}
}

// subscription is one reader of the journal.
type subscription struct {
	filter filter
	until  int64      // no events after it; 0: no end
	queue  chan entry // closed when it was full, and when the reader leaves
}

// offer queues an event. Call it with mu held.
func (s *subscription) offer(e *Events, ent entry) {
	if s.until != 0 && ent.event.TimeNano > s.until || !s.filter.match(ent.event) {
		return
	}
	select {
	case s.queue <- ent:
	default:
		e.drop(s)
		e.dropped++
	}
}

// subscribe returns the stored events since a moment (0: none) and a
// subscription that goes on where they end. With follow false there is none.
func (e *Events) subscribe(f filter, since, until int64, follow bool) ([]entry, *subscription) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var past []entry
	for _, ent := range e.journal {
		at := ent.event.TimeNano
		if since != 0 && at >= since && (until == 0 || at <= until) && f.match(ent.event) {
			past = append(past, ent)
		}
	}
	if !follow {
		return past, nil
	}
	s := &subscription{filter: f, until: until, queue: make(chan entry, queued)}
	e.subs[s] = struct{}{}
	return past, s
}

// drop ends a subscription, once. Call it with mu held.
func (e *Events) drop(s *subscription) {
	if _, ok := e.subs[s]; ok {
		delete(e.subs, s)
		close(s.queue)
	}
}

// unsubscribe ends a subscription.
func (e *Events) unsubscribe(s *subscription) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drop(s)
}

// Subscribers counts those who follow.
func (e *Events) Subscribers() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.subs)
}
