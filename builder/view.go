package builder

import (
	"context"
	"sync"

	"github.com/enginejobs/docker/builder/source"
)

// view is the root of an image as long as the build runs.
type view struct {
	once    sync.Once
	id      string
	root    string
	tree    source.Tree
	release func() error
	err     error
}

// view opens the root of an image, once in a build.
func (x *building) view(ctx context.Context, id string) (*view, error) {
	if id == "" {
		return &view{tree: source.Empty()}, nil
	}
	x.mu.Lock()
	v := x.views[id]
	if v == nil {
		v = &view{id: id}
		x.views[id] = v
	}
	x.mu.Unlock()
	v.once.Do(func() {
		if v.root, v.release, v.err = x.b.opt.Images.ViewImage(context.WithoutCancel(ctx), id); v.err == nil {
			v.tree = source.Dir(v.root)
		}
	})
	return v, v.err
}

// closeViews lets go of all roots.
func (x *building) closeViews() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, v := range x.views {
		if v.release == nil {
			continue
		}
		if err := v.release(); err != nil {
			x.b.opt.Logf("closing the root of an image: %v", err)
		}
	}
	clear(x.views)
}
