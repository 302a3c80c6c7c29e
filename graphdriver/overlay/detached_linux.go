package overlay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/archive"
)

// leftOpen is what an archive that was unpacked without knowing what lies below
// has asked about it. It is nobody's at a time but the call that unpacks, and
// later the one that attaches.
type leftOpen struct {
	rooted bool     // it says what the root looks like
	left   bool     // something was left out
	asked  []string // directories and files that were taken for missing below
}

// mostAsked bounds what is remembered of one archive.
const mostAsked = 1000

// Find takes everything for missing.
func (l *leftOpen) Find(name string) (string, error) {
	if len(l.asked) < mostAsked {
		l.asked = append(l.asked, name)
	} else {
		l.left = true
	}
	return "", fs.ErrNotExist
}

// Names is for a root that hides all of what is below: nobody knows what.
func (l *leftOpen) Names(string) ([]string, error) {
	l.left = true
	return nil, nil
}

// ApplyDetached is ApplyDiff before the parent is known.
func (d *Driver) ApplyDetached(ctx context.Context, id string, diff io.Reader) (int64, error) {
	open := &leftOpen{}
	var size int64
	err := d.layers.Use(id, func(l graphdriver.Layer) (err error) {
		if l.Parent != "" || l.ReadWrite {
			return fmt.Errorf("layer %s has its place already", id)
		}
		size, err = archive.Unpack(ctx, d.path(id, "diff"), diff, archive.Options{
			Whiteouts: archive.Overlay, Once: true, Rooted: &open.rooted, Below: open,
			LeftOut: func(string) { open.left = true },
		})
		return err
	})
	if err != nil {
		return 0, graphdriver.ArchiveError(err)
	}
	d.mu.Lock()
	d.detached[id] = open
	d.mu.Unlock()
	return size, nil
}

// Attach puts a detached layer on its parent. Nothing is flushed, as in Create.
func (d *Driver) Attach(id, parent string) (bool, error) {
	d.mu.Lock()
	open := d.detached[id]
	delete(d.detached, id)
	d.mu.Unlock()
	if open == nil {
		return false, graphdriver.NoSuchLayer(id)
	}
	if parent == "" {
		return !open.left, nil
	}
	ok := false
	err := d.layers.Use(parent, func(graphdriver.Layer) (err error) {
		if ok, err = d.fits(open, parent); !ok || err != nil {
			return err
		}
		return d.adopt(id, parent, open.rooted)
	})
	return ok && err == nil, err
}

// fits tells whether the parent has nothing of what was taken for missing.
func (d *Driver) fits(open *leftOpen, parent string) (bool, error) {
	if open.left {
		return false, nil
	}
	below, err := d.layers.Ancestors(parent)
	if err != nil {
		return false, err
	}
	union := view(d.diffDirs(append([]string{parent}, below...)))
	for _, name := range open.asked {
		if _, err := union.Find(name); !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return true, nil
}

// adopt writes down the parent: the link is replaced as a whole.
func (d *Driver) adopt(id, parent string, rooted bool) error {
	if !rooted {
		if err := d.likeParent(d.path(id, "diff"), d.path(parent, "diff")); err != nil {
			return err
		}
	}
	if err := os.Symlink("../"+parent, d.path(id, "parent.new")); err != nil {
		return err
	}
	if err := os.Rename(d.path(id, "parent.new"), d.path(id, "parent")); err != nil {
		return err
	}
	return d.layers.Adopt(id, parent)
}
