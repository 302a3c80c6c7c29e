package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"syscall"

	securejoin "github.com/cyphar/filepath-securejoin"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/runconfig"
)

// A mount of type image shows the files of an image, read-only. A layer that the
// container has on it keeps the image's layers from being removed; it is mounted
// where the container's other mounts are, unseen by the host.

// imageLayer is the name of that layer: the container, and where it is mounted.
func imageLayer(id string, m mountPoint) string {
	at := sha256.Sum256([]byte(m.Destination))
	return id + "-" + hex.EncodeToString(at[:8])
}

// layerOwner is the container that a layer belongs to: its own, or one of imageLayer.
func layerOwner(layer string) (id string) {
	id, _, _ = strings.Cut(layer, "-")
	return id
}

// mountedImage finds the image of a mount. The error is not NotFound: of a create,
// clients take that for the container's own image and pull.
func (d *Daemon) mountedImage(spec runconfig.Mount) (id string, err error) {
	img, err := d.opt.Images.Image(spec.Source)
	if err != nil {
		return "", errdefs.InvalidArgument("invalid mount config for type %q: %s", spec.Type, err)
	}
	return img.ID, nil
}

// acquireImage makes the layer of a mount, unless it is there: after a crash, or of
// the same mount before a start.
func (d *Daemon) acquireImage(id string, m mountPoint) error {
	img, err := d.opt.Images.Image(m.Image)
	if err != nil {
		return err
	}
	if err := d.opt.Images.LayerOnImage(imageLayer(id, m), img); err != nil && !errdefs.IsConflict(err) {
		return err
	}
	return nil
}

// releaseImage undoes acquireImage.
func (d *Daemon) releaseImage(id string, m mountPoint) {
	if err := d.opt.Images.RemoveLayer(imageLayer(id, m)); err != nil {
		d.opt.Logf("releasing image %s of container %s: %v", m.Source, short(id), err)
	}
}

// imageMount is the mount of an image at its place in the container.
func (d *Daemon) imageMount(id string, m mountPoint) (mount.Mount, error) {
	list, err := d.opt.Images.Mounts(imageLayer(id, m))
	if errdefs.IsNotFound(err) { // a power cut has taken the layer
		if err = d.acquireImage(id, m); err == nil {
			list, err = d.opt.Images.Mounts(imageLayer(id, m))
		}
	}
	if err != nil {
		return mount.Mount{}, err
	}
	if len(list) != 1 {
		return mount.Mount{}, errdefs.NotImplemented("the storage driver %s cannot mount images into containers", d.opt.Images.DriverName())
	}
	whole := list[0]
	whole.Target = m.Destination
	whole.Options = append(whole.Options, "ro")
	switch {
	case m.Subpath == "":
	case whole.Type == "bind":
		whole.Source, err = securejoin.SecureJoin(whole.Source, m.Subpath)
		if err == nil {
			err = isDirectory(whole.Source)
		}
		if err != nil {
			return mount.Mount{}, errdefs.InvalidArgument("subpath %s of image %s: %w", m.Subpath, m.Source, err)
		}
	default:
		whole.Options = append(whole.Options, mount.Subdir+m.Subpath)
	}
	return whole, nil
}

// showsImages tells whether there is such a mount.
func (r *record) showsImages() bool {
	for _, m := range r.MountPoints {
		if m.Type == "image" {
			return true
		}
	}
	return false
}

// mountImages mounts the images of a container on the host, for those who read the
// files of one that does not run, and has its mounts lead there.
func (d *Daemon) mountImages(s *snapshot, mounts []mount.Mount) (unmount func() error, err error) {
	var done []string
	unmount = func() error {
		var errs []error
		for _, layer := range done {
			errs = append(errs, d.opt.Images.UnmountLayer(layer))
		}
		return errors.Join(errs...)
	}
	for i := range mounts {
		m, own := s.rec.MountPoints[mounts[i].Target]
		if !own || m.Type != "image" {
			continue
		}
		layer := imageLayer(s.rec.ID, m)
		root, err := d.opt.Images.MountLayer(layer)
		if err != nil {
			return nil, errors.Join(err, unmount())
		}
		done = append(done, layer)
		source, err := securejoin.SecureJoin(root, m.Subpath)
		if err != nil {
			return nil, errors.Join(err, unmount())
		}
		mounts[i] = mount.Mount{Type: "bind", Source: source, Target: m.Destination, Options: []string{"bind", "ro"}}
	}
	return unmount, nil
}

func isDirectory(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	return err
}
