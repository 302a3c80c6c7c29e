// Package vfs owns the storage driver that needs nothing from the kernel: every
// layer is a full copy of its parent with its own changes. It is slow to make
// layers and works everywhere, without privilege too, which is what the tests
// of other parts use it for. Its state is the directory given to New:
//
//	dir/<id>/      the files of a layer
//	layers/<id>    a link whose text is "rw:<parent>" or "ro:<parent>"; it is
//	               made last, so files without it are half-made
//	removed/       layers on their way out
//
// Start reading at New. Nothing but graphdrivers and tests imports it.
package vfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/mount"
)

// Name selects the driver.
const Name = "vfs"

const patience = 5 * time.Second // for removals at Close

// Driver keeps layers as plain directories.
type Driver struct {
	root    string
	noOwner bool // not root: everything belongs to us
	layers  *graphdriver.Table
	trash   *graphdriver.Trash
}

var _ graphdriver.Driver = (*Driver)(nil)

// Options of New.
type Options struct {
	Root string                           // directory of this driver alone
	Logf func(format string, args ...any) // complaints about leftovers; nil for none
}

// New opens the store and removes what an earlier process left half-made.
func New(opt Options) (*Driver, error) {
	logf := opt.Logf
	if logf == nil {
		logf = func(string, ...any) {}
	}
	root, err := filepath.Abs(opt.Root)
	if err != nil {
		return nil, err
	}
	d := &Driver{root: root, noOwner: os.Geteuid() != 0, layers: graphdriver.NewTable()}
	for _, name := range []string{"dir", "layers"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o700); err != nil {
			return nil, err
		}
	}
	if d.trash, err = graphdriver.OpenTrash(filepath.Join(root, "removed"), logf); err != nil {
		return nil, err
	}
	if err := d.load(logf); err != nil {
		d.trash.Close(0)
		return nil, fmt.Errorf("reading layers in %s: %w", root, err)
	}
	return d, nil
}

func (d *Driver) load(logf func(string, ...any)) error {
	dirs, err := os.ReadDir(filepath.Join(d.root, "dir"))
	if err != nil {
		return err
	}
	var found []graphdriver.Layer
	known := make(map[string]bool)
	for _, e := range dirs {
		text, err := os.Readlink(d.record(e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			if err := d.trash.Throw(d.dir(e.Name())); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		mode, parent, _ := strings.Cut(text, ":")
		found = append(found, graphdriver.Layer{ID: e.Name(), Parent: parent, ReadWrite: mode == "rw"})
		known[e.Name()] = true
	}
	records, err := os.ReadDir(filepath.Join(d.root, "layers"))
	if err != nil {
		return err
	}
	for _, e := range records {
		if !known[e.Name()] {
			if err := os.Remove(d.record(e.Name())); err != nil {
				return err
			}
		}
	}
	for _, l := range d.layers.Load(found) {
		logf("layer %s: its parent %s is missing; the layer cannot be used", l.ID, l.Parent)
	}
	return nil
}

// Name returns "vfs".
func (*Driver) Name() string { return Name }

func (d *Driver) dir(id string) string    { return filepath.Join(d.root, "dir", id) }
func (d *Driver) record(id string) string { return filepath.Join(d.root, "layers", id) }

// Create copies the parent.
func (d *Driver) Create(id, parent string, readWrite bool) error {
	if err := d.layers.Reserve(graphdriver.Layer{ID: id, Parent: parent, ReadWrite: readWrite}); err != nil {
		return err
	}
	if err := d.create(id, parent, readWrite); err != nil {
		_ = d.trash.Throw(d.dir(id))
		d.layers.Drop(id)
		return fmt.Errorf("creating layer %s: %w", id, err)
	}
	d.layers.Ready(id)
	return nil
}

func (d *Driver) create(id, parent string, readWrite bool) error {
	if err := os.Mkdir(d.dir(id), 0o755); err != nil {
		return err
	}
	if err := os.Chmod(d.dir(id), 0o755); err != nil {
		return err
	}
	if parent != "" {
		if err := archive.Copy(context.Background(), d.dir(parent), d.dir(id), d.noOwner); err != nil {
			return err
		}
	}
	mode := "ro:"
	if readWrite {
		mode = "rw:"
	}
	return os.Symlink(mode+parent, d.record(id))
}

// Remove forgets a layer at once and deletes its files in the background.
func (d *Driver) Remove(id string) error {
	known, err := d.layers.Retire(id)
	if err != nil || !known {
		return err
	}
	err = os.Remove(d.record(id))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = d.trash.Throw(d.dir(id))
	}
	if err != nil {
		d.layers.Ready(id)
		return err
	}
	d.layers.Drop(id)
	return nil
}

// Exists tells whether the layer is known.
func (d *Driver) Exists(id string) bool {
	_, err := d.layers.Get(id)
	return err == nil
}

// List names the layers.
func (d *Driver) List() []graphdriver.Layer { return d.layers.List() }

// Mounts binds the directory.
func (d *Driver) Mounts(id string) ([]mount.Mount, error) {
	l, err := d.layers.Get(id)
	if err != nil {
		return nil, err
	}
	m := mount.Mount{Type: "bind", Source: d.dir(id), Options: []string{"bind"}}
	if !l.ReadWrite {
		m.Options = append(m.Options, "ro")
	}
	return []mount.Mount{m}, nil
}

// Get returns the directory; there is nothing to mount.
func (d *Driver) Get(id string) (string, error) {
	err := d.layers.Mount(id, func(graphdriver.Layer) error { return nil })
	return d.dir(id), err
}

// Put undoes one Get.
func (d *Driver) Put(id string) error {
	return d.layers.Unmount(id, func(graphdriver.Layer) error { return nil })
}

// ApplyDiff unpacks over the copy of the parent.
func (d *Driver) ApplyDiff(ctx context.Context, id string, diff io.Reader) (int64, error) {
	var size int64
	err := d.layers.Use(id, func(graphdriver.Layer) (err error) {
		size, err = archive.Unpack(ctx, d.dir(id), diff, archive.Options{Whiteouts: archive.Apply, Once: true, NoOwner: d.noOwner})
		return err
	})
	return size, graphdriver.ArchiveError(err)
}

// compare lists what the layer changes; paths are relative.
func (d *Driver) compare(ctx context.Context, l graphdriver.Layer) ([]archive.Change, error) {
	before := ""
	if l.Parent != "" {
		before = d.dir(l.Parent)
	}
	list, err := archive.Compare(ctx, before, d.dir(l.ID))
	if err != nil {
		return nil, fmt.Errorf("comparing layer %s with its parent: %w", l.ID, err)
	}
	return list, nil
}

// Diff packs what differs from the parent. The layer stays until the reader
// is closed.
func (d *Driver) Diff(ctx context.Context, id string) (io.ReadCloser, error) {
	release, err := d.layers.Hold(id)
	if err != nil {
		return nil, err
	}
	l, err := d.layers.Get(id)
	if err != nil {
		release()
		return nil, err
	}
	changes, err := d.compare(ctx, l)
	if err != nil {
		release()
		return nil, err
	}
	opt := archive.PackOptions{Only: []string{}}
	for _, c := range changes {
		if c.Kind == archive.Deleted {
			opt.Deleted = append(opt.Deleted, c.Path)
		} else {
			opt.Only = append(opt.Only, c.Path)
		}
	}
	return graphdriver.Releasing(archive.Stream(ctx, d.dir(id), opt), release), nil
}

// Changes compares with the parent.
func (d *Driver) Changes(ctx context.Context, id string) ([]graphdriver.Change, error) {
	var list []graphdriver.Change
	err := d.layers.Use(id, func(l graphdriver.Layer) error {
		changes, err := d.compare(ctx, l)
		for _, c := range changes {
			kind := [...]graphdriver.ChangeKind{
				archive.Modified: graphdriver.ChangeModify,
				archive.Added:    graphdriver.ChangeAdd,
				archive.Deleted:  graphdriver.ChangeDelete,
			}[c.Kind]
			list = append(list, graphdriver.Change{Path: "/" + c.Path, Kind: kind})
		}
		return err
	})
	return list, err
}

// DiffSize adds up the files that differ from the parent's.
func (d *Driver) DiffSize(ctx context.Context, id string) (int64, error) {
	var size int64
	err := d.layers.Use(id, func(l graphdriver.Layer) error {
		if l.Parent == "" {
			var err error
			size, err = graphdriver.TreeSize(ctx, d.dir(id))
			return err
		}
		changes, err := d.compare(ctx, l)
		if err != nil {
			return err
		}
		var names []string
		for _, c := range changes {
			if c.Kind != archive.Deleted {
				names = append(names, c.Path)
			}
		}
		size, err = graphdriver.FilesSize(d.dir(id), names)
		return err
	})
	return size, err
}

// Metadata has nothing to show.
func (d *Driver) Metadata(id string) (map[string]string, error) {
	_, err := d.layers.Get(id)
	return nil, err
}

// Status has nothing to show.
func (*Driver) Status() [][2]string { return nil }

// Close waits a little for removals.
func (d *Driver) Close() error {
	d.trash.Close(patience)
	return nil
}
