package overlay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/graphdriver"
)

// Create makes an empty layer. Nothing is flushed to disk: a read-write layer
// is worth nothing before its container's configuration is, and who keeps an
// image layer flushes it with its contents.
func (d *Driver) Create(id, parent string, readWrite bool) error {
	l := graphdriver.Layer{ID: id, Parent: parent, ReadWrite: readWrite}
	if err := d.layers.Reserve(l); err != nil {
		return err
	}
	if err := d.create(l); err != nil {
		_ = os.Remove(d.path(rwDir, id))
		_ = d.trash.Throw(d.path(id))
		d.unlink(id)
		d.layers.Drop(id)
		return fmt.Errorf("creating layer %s: %w", id, err)
	}
	d.layers.Ready(id)
	return nil
}

func (d *Driver) create(l graphdriver.Layer) error {
	target := noParent
	if l.Parent != "" {
		target = "../" + l.Parent
	}
	if l.ReadWrite {
		return d.record(l, target)
	}
	dir := d.path(l.ID)
	if err := d.mkdirSpread(l.ID); err != nil {
		return err
	}
	if err := d.createDiff(dir+"/diff", l.Parent); err != nil {
		return err
	}
	if err := d.link(l.ID); err != nil {
		return err
	}
	return os.Symlink(target, dir+"/parent")
}

// record keeps a read-write layer. Layers over one parent share one inode, kept
// beside the parent: making inodes is what a file system is slow at, most of all
// one without a journal, which does not use those again that were just freed.
func (d *Driver) record(l graphdriver.Layer, target string) error {
	at := d.path(rwDir, l.ID)
	if l.Parent == "" {
		return os.Symlink(target, at)
	}
	shared := d.path(l.Parent, recordName)
	err := os.Link(shared, at)
	if errors.Is(err, os.ErrNotExist) {
		if err = os.Symlink(target, shared); err == nil || errors.Is(err, os.ErrExist) {
			err = os.Link(shared, at)
		}
	}
	if errors.Is(err, unix.EMLINK) || errors.Is(err, unix.EPERM) { // it has as many names as it can, or none more
		return os.Symlink(target, at)
	}
	return err
}

// settle makes the directories of a read-write layer that does not have them
// yet. Whoever needs them calls it; several may do so at once.
func (d *Driver) settle(l graphdriver.Layer) error {
	if !l.ReadWrite {
		return nil
	}
	work := d.path(l.ID, "work")
	if unix.Access(work, unix.F_OK) == nil { // it is made last
		return nil
	}
	if err := mkdir(d.path(l.ID)); err != nil {
		return err
	}
	if err := d.createDiff(d.path(l.ID, "diff"), l.Parent); err != nil {
		return err
	}
	return mkdir(work)
}

// mkdir makes a private directory that may be there already.
func mkdir(dir string) error {
	if err := os.Mkdir(dir, 0o700); !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// createDiff makes the layer's own directory. It is the root of the union, so
// it looks like the parent's.
func (d *Driver) createDiff(dir, parent string) error {
	like := ""
	mode := uint32(0o755)
	if parent != "" {
		like = d.path(parent, "diff")
		var st unix.Stat_t
		if err := unix.Stat(like, &st); err != nil {
			return err
		}
		mode = st.Mode & 0o7777
	}
	if err := unix.Mkdir(dir, mode); err != nil && !errors.Is(err, unix.EEXIST) {
		return &os.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	return d.likeParent(dir, like)
}

// likeParent gives a layer's own directory the owner and mode of another one, or
// those of a root without parent.
func (d *Driver) likeParent(dir, like string) error {
	var st, now unix.Stat_t
	st.Mode, st.Uid, st.Gid = 0o755, uint32(os.Geteuid()), uint32(os.Getegid())
	if like != "" {
		if err := unix.Stat(like, &st); err != nil {
			return err
		}
	}
	if err := unix.Stat(dir, &now); err != nil {
		return err
	}
	if now.Uid != st.Uid || now.Gid != st.Gid {
		if err := unix.Lchown(dir, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
		now.Mode = 0
	}
	if mode := st.Mode & 0o7777; now.Mode&0o7777 != mode {
		return unix.Chmod(dir, mode)
	}
	return nil
}

// link gives an image layer its short name.
func (d *Driver) link(id string) error {
	d.mu.Lock()
	name := strconv.FormatUint(d.nextLink, 36)
	d.nextLink++
	d.mu.Unlock()
	if err := os.Symlink("../"+id+"/diff", filepath.Join(d.root, linkDir, name)); err != nil {
		return err
	}
	d.mu.Lock()
	d.links[id] = name
	d.mu.Unlock()
	return nil
}

func (d *Driver) unlink(id string) {
	d.mu.Lock()
	name, ok := d.links[id]
	delete(d.links, id)
	delete(d.detached, id)
	d.mu.Unlock()
	if ok {
		_ = os.Remove(filepath.Join(d.root, linkDir, name)) // New removes it otherwise
	}
}

// Remove forgets a layer at once and deletes its files in the background.
func (d *Driver) Remove(id string) error {
	known, err := d.layers.Retire(id)
	if err != nil || !known {
		return err
	}
	// Without a link to its parent it is half-made: a crash here completes the
	// removal at the next start.
	for _, record := range []string{d.path(rwDir, id), d.path(id, "parent")} {
		if err = os.Remove(record); err != nil && !errors.Is(err, os.ErrNotExist) {
			d.layers.Ready(id)
			return err
		}
	}
	err = d.trash.Throw(d.path(id))
	if err != nil {
		d.layers.Ready(id)
		return err
	}
	d.unlink(id)
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

// Metadata shows the directories.
func (d *Driver) Metadata(id string) (map[string]string, error) {
	l, err := d.layers.Get(id)
	if err != nil {
		return nil, err
	}
	lower, err := d.layers.Ancestors(id)
	if err != nil {
		return nil, err
	}
	data := map[string]string{
		"UpperDir":  d.path(id, "diff"),
		"MergedDir": d.path(id, "merged"),
		"WorkDir":   d.path(id, "work"),
	}
	if len(lower) > 0 {
		data["LowerDir"] = joined(d.diffDirs(lower))
	}
	if !l.ReadWrite {
		data["ID"] = id
	}
	return data, nil
}

func (d *Driver) diffDirs(ids []string) []string {
	dirs := make([]string, len(ids))
	for i, id := range ids {
		dirs[i] = d.path(id, "diff")
	}
	return dirs
}

// shortDirs is diffDirs by the short names, joined for a mount.
func (d *Driver) shortDirs(ids []string) string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(d.root)
		b.WriteString("/" + linkDir + "/")
		b.WriteString(d.links[id])
	}
	return b.String()
}
