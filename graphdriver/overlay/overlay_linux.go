// Package overlay owns the storage driver on top of overlayfs: every layer is
// one directory with what it changes, and a container's root is the kernel's
// union of them. Its state is the directory given to New:
//
//	<id>/diff      what the layer adds, with overlayfs's marks for deletions
//	<id>/work      scratch space of the kernel (read-write layers)
//	<id>/hostwork  the same for a mount on the host, while there is one
//	<id>/merged    where Get mounts the layer on the host
//	<id>/parent    link to the parent of an image layer, "../<id>" or "none"; it
//	               is made last, so a layer without it is half-made
//	.rw/<id>       link to the parent of a read-write layer, likewise; it is the
//	               layer: its directories are made when they are first needed, as
//	               those of many containers never are
//	<id>/record    the same link, of which those over this layer are more names
//	.l/<n>         links to the diff directories of image layers: short names,
//	               for a mount's description has to fit in a page
//	.removed/      layers on their way out
//	.spread/       where directories of image layers are made
//	.probe/        while New finds out what the kernel can do
//
// Start reading at New, then layers.go and mounts.go. Nothing but graphdrivers
// imports it.
package overlay

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/mount"
)

// Name selects the driver.
const Name = "overlay"

const (
	linkDir  = ".l"
	rwDir    = ".rw"
	trashDir = ".removed"
	probeDir = ".probe"
	noParent = "none"

	recordName = "record"

	patience = 5 * time.Second // for removals at Close
)

// Driver keeps layers for overlayfs.
type Driver struct {
	root string
	logf func(format string, args ...any)
	features
	layers *graphdriver.Table
	trash  *graphdriver.Trash

	mu       sync.RWMutex
	links    map[string]string    // guarded by mu: layer id → name in .l
	nextLink uint64               // guarded by mu
	detached map[string]*leftOpen // guarded by mu: by layer id
}

var (
	_ graphdriver.Driver   = (*Driver)(nil)
	_ graphdriver.Stacker  = (*Driver)(nil)
	_ graphdriver.Detacher = (*Driver)(nil)
)

// Options of New.
type Options struct {
	Root string                           // directory of this driver alone
	Logf func(format string, args ...any) // complaints about leftovers; nil for none
}

// New opens the store and removes what an earlier process left half-made. It
// fails with graphdriver.ErrNotSupported where overlayfs cannot do the work.
func New(opt Options) (*Driver, error) {
	logf := opt.Logf
	if logf == nil {
		logf = func(string, ...any) {}
	}
	root, err := filepath.Abs(opt.Root)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{root, filepath.Join(root, linkDir), filepath.Join(root, rwDir)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	trash, err := graphdriver.OpenTrash(filepath.Join(root, trashDir), logf)
	if err != nil {
		return nil, err
	}
	can, err := probe(root, trash)
	if err != nil {
		trash.Close(patience)
		return nil, err
	}
	d := &Driver{
		root: root, logf: logf, features: can,
		layers: graphdriver.NewTable(), trash: trash, links: make(map[string]string),
		detached: make(map[string]*leftOpen),
	}
	err = d.openSpread()
	if err == nil {
		err = d.load()
	}
	if err != nil {
		trash.Close(0)
		return nil, fmt.Errorf("reading layers in %s: %w", root, err)
	}
	return d, nil
}

// Name returns "overlay".
func (*Driver) Name() string { return Name }

func (d *Driver) path(id string, elem ...string) string {
	return filepath.Join(append([]string{d.root, id}, elem...)...)
}

// load reads the layers on disk.
func (d *Driver) load() error {
	if err := d.loadLinks(); err != nil {
		return err
	}
	found, err := d.readWriteLayers()
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(found))
	for _, l := range found {
		known[l.ID] = true
	}
	entries, err := os.ReadDir(d.root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		id := e.Name()
		if graphdriver.CheckID(id) != nil {
			continue
		}
		if err := mount.Unmount(d.path(id, "merged")); err != nil {
			return err
		}
		if known[id] {
			continue
		}
		parent, err := os.Readlink(d.path(id, "parent"))
		if errors.Is(err, fs.ErrNotExist) {
			if err := d.trash.Throw(d.path(id)); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		// Without a short name it is a read-write layer as they were once kept.
		found = append(found, graphdriver.Layer{ID: id, ReadWrite: d.links[id] == "", Parent: parentOf(parent)})
	}
	for _, l := range d.layers.Load(found) {
		d.logf("layer %s: its parent %s is missing; the layer cannot be used", l.ID, l.Parent)
	}
	return nil
}

// readWriteLayers reads the records of read-write layers.
func (d *Driver) readWriteLayers() ([]graphdriver.Layer, error) {
	entries, err := os.ReadDir(d.path(rwDir))
	if err != nil {
		return nil, err
	}
	list := make([]graphdriver.Layer, 0, len(entries))
	for _, e := range entries {
		parent, err := os.Readlink(d.path(rwDir, e.Name()))
		if err != nil {
			return nil, err
		}
		list = append(list, graphdriver.Layer{ID: e.Name(), ReadWrite: true, Parent: parentOf(parent)})
	}
	return list, nil
}

// parentOf reads what a link to a parent says.
func parentOf(link string) string {
	if link == noParent {
		return ""
	}
	return filepath.Base(link)
}

// loadLinks reads the short names and removes those that lead nowhere.
func (d *Driver) loadLinks() error {
	dir := filepath.Join(d.root, linkDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		at := filepath.Join(dir, e.Name())
		target, err := os.Readlink(at)
		if err != nil {
			return err
		}
		if _, err := os.Lstat(filepath.Join(dir, filepath.Dir(target), "parent")); errors.Is(err, fs.ErrNotExist) {
			if err := os.Remove(at); err != nil {
				return err
			}
			continue
		}
		if n, err := strconv.ParseUint(e.Name(), 36, 64); err == nil && n >= d.nextLink {
			d.nextLink = n + 1
		}
		d.links[filepath.Base(filepath.Dir(target))] = e.Name()
	}
	return nil
}

// Status is shown by info.
func (d *Driver) Status() [][2]string {
	return [][2]string{
		{"Backing Filesystem", d.backing},
		{"Supports d_type", "true"},
		{"Using metacopy", "false"},
		{"Native Overlay Diff", "true"},
	}
}

// Close unmounts what Get left and waits a little for removals.
func (d *Driver) Close() error {
	var errs []error
	for _, l := range d.layers.Mounted() {
		errs = append(errs, mount.Unmount(d.path(l.ID, "merged")))
	}
	d.trash.Close(patience)
	return errors.Join(errs...)
}

// parameter tells whether the kernel has a parameter of the overlay module.
func parameter(name string) bool {
	return unix.Access("/sys/module/overlay/parameters/"+name, unix.F_OK) == nil
}
