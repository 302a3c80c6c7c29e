package overlay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/archive"
)

// ApplyDiff unpacks straight into the layer's own directory; deletions become
// overlayfs's marks.
func (d *Driver) ApplyDiff(ctx context.Context, id string, diff io.Reader) (int64, error) {
	return d.ApplyAhead(ctx, id, diff, func() error { return nil })
}

// ApplyAhead is ApplyDiff before the parents are unpacked. Only archives that
// leave out directories, or link to files of other layers, wait for them.
func (d *Driver) ApplyAhead(ctx context.Context, id string, diff io.Reader, parents func() error) (int64, error) {
	var size int64
	err := d.use(id, func() error {
		lower, err := d.layers.Ancestors(id)
		if err != nil {
			return err
		}
		var rooted bool
		opt := archive.Options{Whiteouts: archive.Overlay, Once: true, Rooted: &rooted}
		if len(lower) > 0 {
			opt.Below = &later{view: d.diffDirs(lower), parents: parents}
		}
		size, err = archive.Unpack(ctx, d.path(id, "diff"), diff, opt)
		if err != nil || rooted || len(lower) == 0 {
			return err
		}
		if err := parents(); err != nil {
			return err
		}
		return d.likeParent(d.path(id, "diff"), d.path(lower[0], "diff"))
	})
	return size, graphdriver.ArchiveError(err)
}

// later is a view of layers that may not be unpacked yet.
type later struct {
	view    view
	parents func() error
}

// Find waits for the layers and looks.
func (l *later) Find(name string) (string, error) {
	if err := l.parents(); err != nil {
		return "", err
	}
	return l.view.Find(name)
}

// Names waits for the layers and lists.
func (l *later) Names(name string) ([]string, error) {
	if err := l.parents(); err != nil {
		return nil, err
	}
	return l.view.Names(name)
}

// use runs do while the layer cannot be removed and has its directories.
func (d *Driver) use(id string, do func() error) error {
	return d.layers.Use(id, func(l graphdriver.Layer) error {
		if err := d.settle(l); err != nil {
			return fmt.Errorf("making the directories of layer %s: %w", id, err)
		}
		return do()
	})
}

// Diff packs the layer's own directory. The layer stays until the reader is
// closed.
func (d *Driver) Diff(ctx context.Context, id string) (io.ReadCloser, error) {
	release, err := d.layers.Hold(id)
	if err != nil {
		return nil, err
	}
	if err := d.use(id, func() error { return nil }); err != nil {
		release()
		return nil, err
	}
	s := archive.Stream(ctx, d.path(id, "diff"), archive.PackOptions{Whiteouts: archive.Overlay})
	return graphdriver.Releasing(s, release), nil
}

// DiffSize adds up the layer's own files, each once however many names it has.
func (d *Driver) DiffSize(ctx context.Context, id string) (int64, error) {
	var size int64
	err := d.use(id, func() (err error) {
		size, err = graphdriver.TreeSize(ctx, d.path(id, "diff"))
		return err
	})
	return size, err
}

// Changes walks the layer's own directory beside the union of its parents.
func (d *Driver) Changes(ctx context.Context, id string) ([]graphdriver.Change, error) {
	var list []graphdriver.Change
	err := d.use(id, func() error {
		lower, err := d.layers.Ancestors(id)
		if err != nil {
			return err
		}
		w := changeWalk{ctx: ctx}
		err = w.directory(d.path(id, "diff"), "/", view(d.diffDirs(lower)))
		list = w.list
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing changes of layer %s: %w", id, err)
	}
	slices.SortFunc(list, func(a, b graphdriver.Change) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

type changeWalk struct {
	ctx  context.Context //nolint:containedctx // lives as long as one call
	list []graphdriver.Change
}

// directory compares the directory upper with the same one of the union below.
func (w *changeWalk) directory(upper, name string, below view) error {
	entries, err := os.ReadDir(upper)
	if err != nil {
		return ignoreMissing(err)
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.entry(filepath.Join(upper, e.Name()), path.Join(name, e.Name()), e.Name(), below); err != nil {
			return err
		}
	}
	return nil
}

func (w *changeWalk) entry(upper, name, base string, below view) error {
	var st unix.Stat_t
	if err := unix.Lstat(upper, &st); err != nil {
		return ignoreMissing(err)
	}
	_, dirs, err := below.step(base)
	had := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	switch {
	case whiteout(&st):
		if had {
			w.add(name, graphdriver.ChangeDelete)
		}
		return nil
	case had:
		w.add(name, graphdriver.ChangeModify)
	default:
		w.add(name, graphdriver.ChangeAdd)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil
	}
	if len(dirs) > 0 && opaque(upper) {
		if err := w.hidden(upper, name, dirs); err != nil {
			return err
		}
	}
	return w.directory(upper, name, dirs)
}

// hidden lists what an opaque directory deletes.
func (w *changeWalk) hidden(upper, name string, below view) error {
	names, err := below.names()
	if err != nil {
		return err
	}
	for _, n := range names {
		if _, err := os.Lstat(filepath.Join(upper, n)); errors.Is(err, fs.ErrNotExist) {
			w.add(path.Join(name, n), graphdriver.ChangeDelete)
		}
	}
	return nil
}

func (w *changeWalk) add(name string, kind graphdriver.ChangeKind) {
	w.list = append(w.list, graphdriver.Change{Path: name, Kind: kind})
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
