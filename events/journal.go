package events

import (
	"encoding/json"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
)

const (
	kept = 256  // events that since can bring back
	held = 1024 // events that a subscriber may be behind
)

// Options configure the journal. All may be left out.
type Options struct {
	Now func() time.Time // nil: time.Now
}

// Events is the journal and its subscribers.
type Events struct {
	now func() time.Time

	journal atomic.Pointer[journal] // written with mu held

	// mu guards the rest. Nothing blocks while it is held, and readers of the
	// journal do without it.
	mu      sync.Mutex
	last    int64 // timeNano of the newest event
	subs    map[*subscription]struct{}
	waking  bool   // a goroutine is in wake
	dropped uint64 // subscribers that were too slow
}

// journal is what is stored at one moment. It is replaced as a whole.
type journal struct {
	entries []*entry // the oldest first, at most held
	before  uint64   // how many events there were before the first of them
}

// total is how many events there were so far.
func (j *journal) total() uint64 { return j.before + uint64(len(j.entries)) }

// with is the journal after one more event. The entries share their array: what
// is appended lies behind what others see.
func (j *journal) with(ent *entry) *journal {
	next := &journal{append(j.entries, ent), j.before}
	if len(next.entries) > held {
		next.entries = next.entries[1:]
		next.before++
	}
	return next
}

// entry is a stored event, and its line of JSON as everybody gets it: it is
// encoded once, however many follow. Neither is ever changed.
type entry struct {
	event *api.Event
	line  []byte
}

// New makes an empty journal.
func New(opt Options) *Events {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	e := &Events{now: opt.Now, subs: map[*subscription]struct{}{}}
	e.journal.Store(&journal{})
	return e
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

// Log stores an event and lets the subscribers know. It costs a few microseconds,
// however many they are, and waits for nobody. The attributes are copied; "name"
// and, of a container, "image" are the ones that filters and old clients look at.
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
	e.journal.Store(e.journal.Load().with(&entry{ev, append(line, '\n')}))
	if len(e.subs) > 0 && !e.waking {
		e.waking = true
		go e.wake() // ends when all know of all
	}
}
