package daemon

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/truncindex"
)

// store finds containers by id, name and prefix. Readers never wait: every
// change publishes new tables.
type store struct {
	index truncindex.Index

	mu   sync.Mutex // serialises writers
	tabs atomic.Pointer[tables]
}

type tables struct {
	byID   map[string]*container
	byName map[string]string // name without slash → id; also names being reserved
	list   []*container      // newest first
}

func (st *store) tables() *tables {
	if t := st.tabs.Load(); t != nil {
		return t
	}
	return &tables{}
}

// change publishes edited copies of the tables.
func (st *store) change(f func(t *tables) error) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	old := st.tables()
	next := &tables{list: slices.Clone(old.list)}
	next.byID = make(map[string]*container, len(old.byID)+1)
	for k, v := range old.byID {
		next.byID[k] = v
	}
	next.byName = make(map[string]string, len(old.byName)+1)
	for k, v := range old.byName {
		next.byName[k] = v
	}
	if err := f(next); err != nil {
		return err
	}
	st.tabs.Store(next)
	return nil
}

// reserve takes a name in memory, before it is taken on disk.
func (st *store) reserve(name, id string) error {
	return st.change(func(t *tables) error {
		if holder, taken := t.byName[name]; taken && holder != id {
			return nameTaken(name, holder)
		}
		t.byName[name] = id
		return nil
	})
}

// release gives a name back that id holds.
func (st *store) release(name, id string) {
	_ = st.change(func(t *tables) error {
		if t.byName[name] == id {
			delete(t.byName, name)
		}
		return nil
	})
}

func nameTaken(name, holder string) error {
	return errdefs.Conflict("Conflict. The name %q is already in use by container %s. "+
		"You have to delete (or rename) that container to be able to reuse that name.", name, short(holder))
}

// short is the form of an id for people.
func short(id string) string { return id[:min(12, len(id))] }

// add makes containers visible. Their names must be reserved.
func (st *store) add(cs ...*container) error {
	return st.change(func(t *tables) error {
		for _, c := range cs {
			if err := st.index.Add(c.id); err != nil {
				return errdefs.Conflict("container %s: %w", c.id, err)
			}
			t.byID[c.id] = c
			t.byName[c.now().bare()] = c.id
		}
		if len(cs) == 1 {
			at, _ := slices.BinarySearchFunc(t.list, cs[0], newer)
			t.list = slices.Insert(t.list, at, cs[0])
			return nil
		}
		t.list = append(t.list, cs...)
		slices.SortStableFunc(t.list, newer)
		return nil
	})
}

// newer orders containers, the newest first.
func newer(a, b *container) int { return b.now().rec.Created.Compare(a.now().rec.Created) }

// reserveAll takes the names of containers that were found on disk, the first ones
// first. It returns those whose name is bad or taken.
func (st *store) reserveAll(list []*container) (nameless []*container) {
	_ = st.change(func(t *tables) error {
		for _, c := range list {
			name := c.now().bare()
			holder, taken := t.byName[name]
			if _, err := checkName(name); err != nil || taken && holder != c.id {
				nameless = append(nameless, c)
				continue
			}
			t.byName[name] = c.id
		}
		return nil
	})
	return nameless
}

// remove makes a container invisible and frees its name.
func (st *store) remove(c *container) {
	_ = st.change(func(t *tables) error {
		st.index.Delete(c.id)
		delete(t.byID, c.id)
		if name := c.now().bare(); t.byName[name] == c.id {
			delete(t.byName, name)
		}
		t.list = slices.DeleteFunc(t.list, func(x *container) bool { return x == c })
		return nil
	})
}

// byID finds by the full id only; nil when there is none.
func (st *store) byID(id string) *container { return st.tables().byID[id] }

// all lists the containers, newest first. The list must not be changed.
func (st *store) all() []*container { return st.tables().list }

// find looks a reference up: full id, name (with or without slash, also
// parent/alias of a link), unique prefix of an id.
func (st *store) find(ref string) (*container, error) {
	t := st.tables()
	if c := t.byID[ref]; c != nil {
		return c, nil
	}
	name := strings.TrimPrefix(ref, "/")
	if c := t.byID[t.byName[name]]; c != nil {
		return c, nil
	}
	if parent, alias, ok := strings.Cut(name, "/"); ok {
		if c := st.linked(t, parent, alias); c != nil {
			return c, nil
		}
		return nil, noSuchContainer(ref)
	}
	if ref == "" {
		return nil, errdefs.InvalidArgument("the name or id of a container is missing")
	}
	id, err := st.index.Get(ref)
	switch {
	case errors.Is(err, truncindex.ErrAmbiguous):
		return nil, errdefs.InvalidArgument("finding container: %w", err)
	case err != nil:
		return nil, noSuchContainer(ref)
	}
	if c := t.byID[id]; c != nil {
		return c, nil
	}
	return nil, noSuchContainer(ref)
}

func (st *store) linked(t *tables, parent, alias string) *container {
	p := t.byID[t.byName[parent]]
	if p == nil {
		return nil
	}
	for _, l := range p.now().rec.Links {
		if l.Alias == alias {
			return t.byID[l.Child]
		}
	}
	return nil
}

func noSuchContainer(ref string) error { return errdefs.NotFound("No such container: %s", ref) }
