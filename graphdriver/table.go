package graphdriver

import (
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// MaxDepth is the longest chain of layers.
const MaxDepth = 128

// Table is the ancestry of a driver's layers in memory: which exist, who lies
// on whom, which are mounted on the host. Drivers change their files between a
// reservation and its end, so that no two calls work on one layer.
type Table struct {
	mu     sync.Mutex
	layers map[string]*record // guarded by mu
}

type record struct {
	layer    Layer
	children int
	ready    bool // false while it is made or removed
	users    int  // calls and mounts that need it to stay
	depth    int

	mounting sync.Mutex // taken before mu; held while the host mount changes
	mounts   int        // guarded by mounting
}

// NewTable makes an empty table.
func NewTable() *Table { return &Table{layers: make(map[string]*record)} }

// Load fills the table with the layers found on disk. Those whose ancestry is
// broken are returned and left out.
func (t *Table) Load(found []Layer) (orphans []Layer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	byID := make(map[string]Layer, len(found))
	for _, l := range found {
		byID[l.ID] = l
	}
	var add func(l Layer, trail int) *record
	add = func(l Layer, trail int) *record {
		if r := t.layers[l.ID]; r != nil {
			return r
		}
		r := &record{layer: l, ready: true, depth: 1}
		if l.Parent != "" {
			p, ok := byID[l.Parent]
			if !ok || trail > MaxDepth {
				return nil
			}
			up := add(p, trail+1)
			if up == nil {
				return nil
			}
			up.children++
			r.depth = up.depth + 1
		}
		t.layers[l.ID] = r
		return r
	}
	for _, l := range found {
		if add(l, 0) == nil {
			orphans = append(orphans, l)
		}
	}
	return orphans
}

// Reserve enters a new layer that Ready makes visible and Drop takes out.
func (t *Table) Reserve(l Layer) error {
	if err := CheckID(l.ID); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.layers[l.ID] != nil {
		return errdefs.Conflict("layer %s exists already", l.ID)
	}
	depth := 1
	if l.Parent != "" {
		p := t.layers[l.Parent]
		if p == nil || !p.ready {
			return errdefs.NotFound("no such parent layer: %s", l.Parent)
		}
		if p.layer.ReadWrite {
			return errdefs.Conflict("layer %s belongs to a container and can have no layer on it", l.Parent)
		}
		if depth = p.depth + 1; depth > MaxDepth+1 {
			return errdefs.InvalidArgument("layer %s would be number %d of its chain, the most are %d", l.ID, depth, MaxDepth+1)
		}
		p.children++
	}
	t.layers[l.ID] = &record{layer: l, depth: depth}
	return nil
}

// Ready makes a reserved layer visible.
func (t *Table) Ready(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.layers[id]; r != nil {
		r.ready = true
	}
}

// Retire makes a layer invisible so that it can be removed; Drop must follow,
// or Ready when the removal failed. It reports whether the layer was known.
func (t *Table) Retire(id string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.layers[id]
	switch {
	case r == nil || !r.ready:
		return false, nil
	case r.children > 0:
		return false, errdefs.Conflict("layer %s has %d layer(s) on it", id, r.children)
	case r.users > 0:
		return false, errdefs.Conflict("layer %s is in use", id)
	}
	r.ready = false
	return true, nil
}

// Drop forgets a layer that was reserved or retired.
func (t *Table) Drop(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.layers[id]
	if r == nil {
		return
	}
	delete(t.layers, id)
	if p := t.layers[r.layer.Parent]; p != nil {
		p.children--
	}
}

// Get describes a layer.
func (t *Table) Get(id string) (Layer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.layers[id]; r != nil && r.ready {
		return r.layer, nil
	}
	return Layer{}, NoSuchLayer(id)
}

// Ancestors lists the parents of a layer, nearest first.
func (t *Table) Ancestors(id string) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.layers[id]
	if r == nil {
		return nil, NoSuchLayer(id)
	}
	var list []string
	for r.layer.Parent != "" {
		list = append(list, r.layer.Parent)
		r = t.layers[r.layer.Parent]
	}
	return list, nil
}

// List names all visible layers.
func (t *Table) List() []Layer {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Layer, 0, len(t.layers))
	for _, r := range t.layers {
		if r.ready {
			list = append(list, r.layer)
		}
	}
	return list
}

// Adopt puts a layer that has no parent and no children on one.
func (t *Table) Adopt(id, parent string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, p := t.layers[id], t.layers[parent]
	switch {
	case r == nil || !r.ready:
		return NoSuchLayer(id)
	case p == nil || !p.ready || p == r:
		return errdefs.NotFound("no such parent layer: %s", parent)
	case r.layer.Parent != "" || r.children > 0 || r.layer.ReadWrite:
		return errdefs.Conflict("layer %s has its place already", id)
	case p.layer.ReadWrite:
		return errdefs.Conflict("layer %s belongs to a container and can have no layer on it", parent)
	case p.depth > MaxDepth:
		return errdefs.InvalidArgument("layer %s would be number %d of its chain, the most are %d", id, p.depth+1, MaxDepth+1)
	}
	r.layer.Parent, r.depth = parent, p.depth+1
	p.children++
	return nil
}

// Use runs do while the layer cannot be removed.
func (t *Table) Use(id string, do func(Layer) error) error {
	r, err := t.pin(id)
	if err != nil {
		return err
	}
	defer t.unpin(r)
	return do(r.layer)
}

// Mount counts one more use of the layer's mount on the host and runs do for
// the first. Calls for one layer take turns, those for others do not wait.
func (t *Table) Mount(id string, do func(Layer) error) error {
	r, err := t.pin(id)
	if err != nil {
		return err
	}
	r.mounting.Lock()
	defer r.mounting.Unlock()
	if r.mounts == 0 {
		if err := do(r.layer); err != nil {
			t.unpin(r)
			return err
		}
	}
	r.mounts++
	return nil
}

// Unmount undoes one Mount and runs do after the last.
func (t *Table) Unmount(id string, do func(Layer) error) error {
	r, err := t.pin(id)
	if err != nil {
		return err
	}
	defer t.unpin(r)
	r.mounting.Lock()
	defer r.mounting.Unlock()
	if r.mounts == 0 {
		return errdefs.Conflict("layer %s is not mounted", id)
	}
	if r.mounts == 1 {
		if err := do(r.layer); err != nil {
			return err
		}
	}
	r.mounts--
	t.unpin(r)
	return nil
}

// Mounted lists the layers that are mounted on the host.
func (t *Table) Mounted() []Layer {
	t.mu.Lock()
	records := make([]*record, 0, len(t.layers))
	for _, r := range t.layers {
		records = append(records, r)
	}
	t.mu.Unlock()
	var list []Layer
	for _, r := range records {
		r.mounting.Lock()
		if r.mounts > 0 {
			list = append(list, r.layer)
		}
		r.mounting.Unlock()
	}
	return list
}

// pin keeps a layer from being removed.
func (t *Table) pin(id string) (*record, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.layers[id]
	if r == nil || !r.ready {
		return nil, NoSuchLayer(id)
	}
	r.users++
	return r, nil
}

func (t *Table) unpin(r *record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.users--
}
