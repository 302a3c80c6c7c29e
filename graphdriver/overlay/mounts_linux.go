package overlay

import (
	"fmt"
	"os"
	"strings"

	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/mount"
)

// Mounts describes the union of a layer and its parents. A read-write layer is
// writable, an image layer is not.
func (d *Driver) Mounts(id string) ([]mount.Mount, error) {
	l, err := d.layers.Get(id)
	if err != nil {
		return nil, err
	}
	return d.mounts(l, "work")
}

// spareWork is the kernel's scratch space for a mount on the host. It cannot be that
// of the container, which may run: each mount empties its scratch space, and the one
// that used it before can create nothing from then on.
const spareWork = "hostwork"

// volatile is the mount option that writes nothing back at the end of the mount.
// A mount with it leaves a mark in the working directory, and the kernel refuses
// another mount until somebody takes the mark away who knows that no power cut
// came in between, or that it does not matter.
const volatile = "volatile"

// ExpendableMounts is Mounts for a container that nobody misses after a power
// cut. The last process of any other container ends only when the kernel has
// written the whole file system below back.
func (d *Driver) ExpendableMounts(id string) ([]mount.Mount, error) {
	l, err := d.layers.Get(id)
	if err != nil {
		return nil, err
	}
	list, err := d.mounts(l, "work")
	if err == nil && d.volatile && l.ReadWrite && list[0].Type == "overlay" {
		list[0].Options = append(list[0].Options, volatile)
	}
	return list, err
}

// mounts describes the union, with work below the directory of a read-write layer.
func (d *Driver) mounts(l graphdriver.Layer, work string) ([]mount.Mount, error) {
	if strings.ContainsAny(d.root, ":,\\") {
		return nil, fmt.Errorf("the directory %s cannot be named in an overlay mount: it has a colon, comma or backslash", d.root)
	}
	if err := d.settle(l); err != nil {
		return nil, fmt.Errorf("making the directories of layer %s: %w", l.ID, err)
	}
	lower, err := d.layers.Ancestors(l.ID)
	if err != nil {
		return nil, err
	}
	if len(lower) == 0 { // a union of one does not exist
		m := mount.Mount{Type: "bind", Source: d.path(l.ID, "diff"), Options: []string{"bind"}}
		if !l.ReadWrite {
			m.Options = append(m.Options, "ro")
		}
		return []mount.Mount{m}, nil
	}
	m := mount.Mount{Type: "overlay", Source: "overlay"}
	if l.ReadWrite {
		dir := d.path(l.ID)
		if d.volatile { // only layers that are expendable have the mark
			if err := os.RemoveAll(dir + "/" + work + "/work/incompat/" + volatile); err != nil {
				return nil, err
			}
		}
		m.Options = append(m.Options, "lowerdir="+d.shortDirs(lower), "upperdir="+dir+"/diff", "workdir="+dir+"/"+work)
	} else {
		m.Options = append(m.Options, "ro", "lowerdir="+d.shortDirs(append([]string{l.ID}, lower...)))
	}
	m.Options = append(m.Options, d.options...)
	return []mount.Mount{m}, nil
}

// Get mounts the layer at <id>/merged, for itself if a container has it mounted too.
func (d *Driver) Get(id string) (string, error) {
	target := d.path(id, "merged")
	err := d.layers.Mount(id, func(l graphdriver.Layer) error {
		mounts, err := d.mounts(l, spareWork)
		if err != nil {
			return err
		}
		if l.ReadWrite {
			if err := mkdir(d.path(id, spareWork)); err != nil {
				return err
			}
		}
		if err := mkdir(target); err != nil {
			return err
		}
		return mount.All(mounts, target)
	})
	if err != nil {
		return "", fmt.Errorf("mounting layer %s: %w", id, err)
	}
	return target, nil
}

// Put undoes one Get.
func (d *Driver) Put(id string) error {
	return d.layers.Unmount(id, func(graphdriver.Layer) error {
		if err := mount.Unmount(d.path(id, "merged")); err != nil {
			return err
		}
		return os.RemoveAll(d.path(id, spareWork))
	})
}
