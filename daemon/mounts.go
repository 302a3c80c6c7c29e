package daemon

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
	"github.com/enginejobs/docker/volumes"
)

// settleMounts decides at create what will be mounted where. Later sources win
// over earlier ones at the same path: volumes-from, then binds, mounts and tmpfs
// (among these a path may occur once), and anonymous volumes only where nothing
// else is.
func (d *Daemon) settleMounts(c *runconfig.Config, h *runconfig.HostConfig) (map[string]mountPoint, error) {
	points := map[string]mountPoint{}
	for _, spec := range h.VolumesFrom {
		if err := d.mountsFrom(spec, points); err != nil {
			return nil, err
		}
	}
	named := map[string]mountPoint{}
	put := func(m mountPoint) error {
		if _, twice := named[m.Destination]; twice {
			return errdefs.InvalidArgument("Duplicate mount point: %s", m.Destination)
		}
		named[m.Destination] = m
		return nil
	}
	for _, spec := range h.Binds {
		m, err := parseBind(spec)
		if err != nil {
			return nil, err
		}
		if err := put(m); err != nil {
			return nil, err
		}
	}
	for _, spec := range h.Mounts {
		m, err := fromMount(spec)
		if err == nil && m.Type == "image" {
			m.Image, err = d.mountedImage(spec)
		}
		if err != nil {
			return nil, err
		}
		if err := put(m); err != nil {
			return nil, err
		}
	}
	for dst, options := range h.Tmpfs {
		dst, err := destination(dst, dst)
		if err != nil {
			return nil, err
		}
		if err := put(mountPoint{Type: "tmpfs", Destination: dst, RW: true, Options: options}); err != nil {
			return nil, err
		}
	}
	for dst, m := range named {
		points[dst] = m
	}
	for dst := range c.Volumes {
		dst, err := destination(dst, dst)
		if err != nil {
			return nil, err
		}
		if _, there := points[dst]; !there {
			points[dst] = mountPoint{
				Type: "volume", Name: volumes.NewName(), Destination: dst, Driver: "local", RW: true, Anonymous: true,
			}
		}
	}
	return points, nil
}

// mountsFrom copies the mounts of another container.
func (d *Daemon) mountsFrom(spec string, points map[string]mountPoint) error {
	ref, mode, _ := strings.Cut(spec, ":")
	rw, _, err := parseMode(mode)
	if err != nil {
		return errdefs.InvalidArgument("invalid mode for volumes-from: %s", mode)
	}
	from, err := d.containers.find(ref)
	if err != nil {
		return errdefs.InvalidArgument("container %s not found, impossible to mount its volumes", ref)
	}
	for dst, m := range from.now().rec.MountPoints {
		if m.Type == "tmpfs" {
			continue
		}
		m.RW = m.RW && rw
		m.NoCopy = true // and an anonymous volume goes with the last who has it
		points[dst] = m
	}
	return nil
}

// destination judges a path in the container.
func destination(dst, spec string) (string, error) {
	if !path.IsAbs(dst) {
		return "", errdefs.InvalidArgument("invalid volume specification: '%s': mount path must be absolute", spec)
	}
	if dst = path.Clean(dst); dst == "/" {
		return "", errdefs.InvalidArgument("invalid volume specification: '%s': destination can't be '/'", spec)
	}
	return dst, nil
}

// parseBind reads source:destination[:mode]. A source that is no absolute path
// is the name of a volume.
func parseBind(spec string) (mountPoint, error) {
	parts := strings.Split(spec, ":")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" {
		return mountPoint{}, errdefs.InvalidArgument("Invalid volume specification: %s", spec)
	}
	dst, err := destination(parts[1], spec)
	if err != nil {
		return mountPoint{}, err
	}
	m := mountPoint{Type: "bind", Source: parts[0], Destination: dst, RW: true, CreateDir: true}
	if len(parts) == 3 {
		m.Mode = parts[2]
		if m.RW, m.Propagation, err = parseMode(m.Mode); err != nil {
			return mountPoint{}, err
		}
	}
	for word := range strings.SplitSeq(m.Mode, ",") {
		m.NoCopy = m.NoCopy || word == "nocopy"
	}
	if filepath.IsAbs(m.Source) {
		m.Source = filepath.Clean(m.Source)
		if m.Propagation == "" {
			m.Propagation = "rprivate"
		}
		return m, nil
	}
	if strings.Contains(m.Source, "/") {
		return mountPoint{}, errdefs.InvalidArgument("cannot bind mount volume: %s volume paths must be absolute.", m.Source)
	}
	if err := volumes.CheckName(m.Source); err != nil {
		return mountPoint{}, err
	}
	m.Type, m.Name, m.Source, m.Driver, m.CreateDir = "volume", m.Source, "", "local", false
	return m, nil
}

// parseMode reads the comma-separated mode of a bind.
func parseMode(mode string) (rw bool, propagation string, err error) {
	rw = true
	if mode == "" {
		return rw, "", nil
	}
	given := map[string]bool{} // kinds of words, of which one may stand there
	for word := range strings.SplitSeq(mode, ",") {
		kind := "access"
		switch word {
		case "rw":
		case "ro":
			rw = false
		case "z", "Z":
			kind = "label"
		case "nocopy":
			kind = "copy"
		case "consistent", "cached", "delegated":
			kind = "consistency"
		case "private", "rprivate", "shared", "rshared", "slave", "rslave":
			kind, propagation = "propagation", word
		default:
			return false, "", errdefs.InvalidArgument("invalid mode: %s", mode)
		}
		if given[kind] {
			return false, "", errdefs.InvalidArgument("invalid mode: %s", mode)
		}
		given[kind] = true
	}
	return rw, propagation, nil
}

// fromMount reads the structured form.
func fromMount(spec runconfig.Mount) (mountPoint, error) {
	bad := func(format string, args ...any) (mountPoint, error) {
		return mountPoint{}, errdefs.InvalidArgument("invalid mount config for type %q: "+format,
			append([]any{spec.Type}, args...)...)
	}
	if spec.Target == "" {
		return bad("field Target must not be empty")
	}
	dst, err := destination(spec.Target, spec.Target)
	if err != nil {
		return bad("%w", err)
	}
	m := mountPoint{Type: spec.Type, Destination: dst, RW: !spec.ReadOnly}
	switch {
	case spec.BindOptions != nil && spec.Type != "bind":
		return bad("field BindOptions must not be specified")
	case spec.VolumeOptions != nil && spec.Type != "volume":
		return bad("field VolumeOptions must not be specified")
	case spec.ImageOptions != nil && spec.Type != "image":
		return bad("field ImageOptions must not be specified")
	}
	switch spec.Type {
	case "bind":
		return bindMount(spec, m, bad)
	case "volume":
		m.Driver, m.Name = "local", spec.Source
		if o := spec.VolumeOptions; o != nil {
			m.NoCopy, m.Subpath, m.Labels = o.NoCopy, o.Subpath, o.Labels
			if c := o.DriverConfig; c != nil {
				m.DriverOptions = c.Options
				if c.Name != "" {
					m.Driver = c.Name
				}
			}
			if m.Subpath != "" && !filepath.IsLocal(m.Subpath) {
				return bad("subpath %q must be relative and stay inside of the volume", m.Subpath)
			}
		}
		if m.Name == "" {
			m.Name, m.Anonymous = volumes.NewName(), true
		} else if err := volumes.CheckName(m.Name); err != nil {
			return bad("%w", err)
		}
	case "tmpfs":
		if spec.Source != "" {
			return bad("field Source must not be specified")
		}
		m.Options = tmpfsOptions(spec)
	case "image":
		if spec.Source == "" {
			return bad("field Source must not be empty")
		}
		if o := spec.ImageOptions; o != nil {
			m.Subpath = o.Subpath
		}
		if m.Subpath != "" && (!filepath.IsLocal(m.Subpath) || strings.Contains(m.Subpath, "\x00")) {
			return bad("subpath %q must be relative and stay inside of the image", m.Subpath)
		}
		m.Source, m.RW = spec.Source, false
	default:
		return mountPoint{}, errdefs.InvalidArgument("mount type unknown: %q", spec.Type)
	}
	return m, nil
}

func bindMount(spec runconfig.Mount, m mountPoint, bad func(string, ...any) (mountPoint, error)) (mountPoint, error) {
	if spec.Source == "" {
		return bad("field Source must not be empty")
	}
	if !filepath.IsAbs(spec.Source) {
		return bad("invalid mount path: '%s' mount path must be absolute", spec.Source)
	}
	m.Source, m.Propagation = filepath.Clean(spec.Source), "rprivate"
	if o := spec.BindOptions; o != nil {
		m.NonRecurse, m.CreateDir, m.BelowRW = o.NonRecursive, o.CreateMountpoint, o.ReadOnlyNonRecursive
		if o.ReadOnlyNonRecursive && o.ReadOnlyForceRecursive {
			return bad("mount options conflict: ReadOnlyForceRecursive && ReadOnlyNonRecursive")
		}
		if o.Propagation != "" {
			if _, p, err := parseMode(o.Propagation); err != nil || p == "" {
				return bad("invalid propagation mode: %s", o.Propagation)
			}
			m.Propagation = o.Propagation
		}
	}
	if !m.CreateDir {
		if _, err := os.Stat(m.Source); err != nil {
			return bad("bind source path does not exist: %s", m.Source)
		}
	}
	return m, nil
}

// spec is what a volume of a container is made with.
func (m *mountPoint) spec() volumes.Spec {
	spec := volumes.Spec{Driver: m.Driver, Labels: m.Labels, Options: m.DriverOptions}
	if m.Anonymous {
		spec.Labels = union(map[string]string{volumes.AnonymousLabel: ""}, m.Labels)
	}
	return spec
}

// acquireSources makes the volumes of a container that is being created, fills the
// empty ones with what the image has at their place, and holds the images that it
// mounts.
func (d *Daemon) acquireSources(ctx context.Context, id string, points map[string]mountPoint) (err error) {
	var fill []mountPoint
	for dst, m := range points {
		if m.Type == "image" {
			if err := d.acquireImage(id, m); err != nil {
				return err
			}
		}
		if m.Type != "volume" {
			continue
		}
		var made bool
		if m.Source, made, err = d.volumes.Acquire(m.Name, id, m.spec()); err != nil {
			return err
		}
		if made {
			d.volumeEvent(ctx, "create", m.Name, nil)
		}
		points[dst] = m
		if !m.NoCopy && m.Subpath == "" && len(m.DriverOptions) == 0 && isEmpty(m.Source) {
			fill = append(fill, m)
		}
	}
	if len(fill) == 0 {
		return nil
	}
	root, err := d.opt.Images.MountLayer(id)
	if err != nil {
		return errdefs.Internal("mounting the layer of container %s to fill its volumes: %w", short(id), err)
	}
	defer func() {
		if uerr := d.opt.Images.UnmountLayer(id); uerr != nil && err == nil {
			err = uerr
		}
	}()
	for _, m := range fill {
		src, err := securejoin.SecureJoin(root, m.Destination)
		if err != nil {
			return errdefs.Internal("finding %s in the image: %w", m.Destination, err)
		}
		if info, err := os.Lstat(src); err != nil || !info.IsDir() {
			continue
		}
		if err := d.volumes.Fill(m.Name, src); err != nil {
			return err
		}
	}
	return nil
}

func isEmpty(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	names, _ := f.Readdirnames(1)
	return len(names) == 0
}

// releaseSources undoes acquireSources; withData also deletes the anonymous
// ones that nobody else uses.
func (d *Daemon) releaseSources(id string, points map[string]mountPoint, withData bool) {
	for _, m := range points {
		if m.Type == "image" {
			d.releaseImage(id, m)
		}
		if m.Type != "volume" {
			continue
		}
		d.volumes.Release(m.Name, id)
		if !withData || !m.Anonymous {
			continue
		}
		err := d.volumes.Remove(m.Name)
		switch {
		case err == nil:
			d.volumeEvent(d.background(), "destroy", m.Name, nil)
		case !errdefs.IsNotFound(err) && !errdefs.IsConflict(err):
			d.opt.Logf("removing volume %s of container %s: %v", m.Name, short(id), err)
		}
	}
}
