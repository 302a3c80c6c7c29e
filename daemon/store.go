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

// store finds containers by id, name and prefix. Its lock is held for lookups in
// memory only; a list is a snapshot that is made when somebody asks for it and
// kept until containers come or go, so that making many costs no copy of all.
type store struct {
	index truncindex.Index

	mu     sync.RWMutex
	ids    map[string]*container
	names  map[string]string // name without slash → id; also names being reserved
	sorted []*container      // newest first

	list atomic.Pointer[[]*container] // copy of sorted; nil when it has changed
}

// reserve takes a name in memory, before it is taken on disk.
func (st *store) reserve(name, id string) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if holder, taken := st.names[name]; taken && holder != id {
		return nameTaken(name, holder)
	}
	st.setName(name, id)
	return nil
}

// setName is called with mu held.
func (st *store) setName(name, id string) {
	if st.names == nil {
		st.names = make(map[string]string)
	}
	st.names[name] = id
}

// release gives a name back that id holds.
func (st *store) release(name, id string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.names[name] == id {
		delete(st.names, name)
	}
}

func nameTaken(name, holder string) error {
	return errdefs.Conflict("Conflict. The name %q is already in use by container %s. "+
		"You have to delete (or rename) that container to be able to reuse that name.", name, short(holder))
}

// short is the form of an id for people.
func short(id string) string { return id[:min(12, len(id))] }

// add makes containers visible. Their names must be reserved.
func (st *store) add(cs ...*container) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ids == nil {
		st.ids = make(map[string]*container)
	}
	for i, c := range cs {
		if err := st.index.Add(c.id); err != nil {
			for _, c := range cs[:i] {
				st.drop(c)
			}
			return errdefs.Conflict("container %s: %w", c.id, err)
		}
		st.ids[c.id] = c
		st.setName(c.now().bare(), c.id)
	}
	st.list.Store(nil)
	if len(cs) == 1 {
		at, _ := slices.BinarySearchFunc(st.sorted, cs[0], newer)
		st.sorted = slices.Insert(st.sorted, at, cs[0])
		return nil
	}
	st.sorted = append(st.sorted, cs...)
	slices.SortStableFunc(st.sorted, newer)
	return nil
}

// newer orders containers, the newest first.
func newer(a, b *container) int { return b.now().rec.Created.Compare(a.now().rec.Created) }

// reserveAll takes the names of containers that were found on disk, the first ones
// first. It returns those whose name is bad or taken.
func (st *store) reserveAll(list []*container) (nameless []*container) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, c := range list {
		name := c.now().bare()
		holder, taken := st.names[name]
		if _, err := checkName(name); err != nil || taken && holder != c.id {
			nameless = append(nameless, c)
			continue
		}
		st.setName(name, c.id)
	}
	return nameless
}

// remove makes a container invisible and frees its name.
func (st *store) remove(c *container) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.drop(c)
	st.sorted = slices.DeleteFunc(st.sorted, func(x *container) bool { return x == c })
	st.list.Store(nil)
}

// drop takes a container out of the tables. It is called with mu held.
func (st *store) drop(c *container) {
	st.index.Delete(c.id)
	delete(st.ids, c.id)
	if name := c.now().bare(); st.names[name] == c.id {
		delete(st.names, name)
	}
}

// byID finds by the full id only; nil when there is none.
func (st *store) byID(id string) *container {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.ids[id]
}

// all lists the containers, newest first. The list must not be changed.
func (st *store) all() []*container {
	if list := st.list.Load(); list != nil {
		return *list
	}
	st.mu.RLock()
	defer st.mu.RUnlock()
	list := slices.Clone(st.sorted)
	st.list.Store(&list) // who changes it has to wait for mu
	return list
}

// find looks a reference up: full id, name (with or without slash, also
// parent/alias of a link), unique prefix of an id.
func (st *store) find(ref string) (*container, error) {
	if ref == "" {
		return nil, errdefs.InvalidArgument("the name or id of a container is missing")
	}
	st.mu.RLock()
	defer st.mu.RUnlock()
	if c := st.ids[ref]; c != nil {
		return c, nil
	}
	name := strings.TrimPrefix(ref, "/")
	if c := st.ids[st.names[name]]; c != nil {
		return c, nil
	}
	if parent, alias, ok := strings.Cut(name, "/"); ok {
		if c := st.linked(parent, alias); c != nil {
			return c, nil
		}
		return nil, noSuchContainer(ref)
	}
	id, err := st.index.Get(ref)
	switch {
	case errors.Is(err, truncindex.ErrAmbiguous):
		return nil, errdefs.InvalidArgument("finding container: %w", err)
	case err != nil:
		return nil, noSuchContainer(ref)
	}
	if c := st.ids[id]; c != nil {
		return c, nil
	}
	return nil, noSuchContainer(ref)
}

// linked is called with mu held.
func (st *store) linked(parent, alias string) *container {
	p := st.ids[st.names[parent]]
	if p == nil {
		return nil
	}
	for _, l := range p.now().rec.Links {
		if l.Alias == alias {
			return st.ids[l.Child]
		}
	}
	return nil
}

func noSuchContainer(ref string) error { return errdefs.NotFound("No such container: %s", ref) }
