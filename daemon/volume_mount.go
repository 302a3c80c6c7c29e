package daemon

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// volumePatience is how long a start waits for a server that keeps a volume.
const volumePatience = 30 * time.Second

// mountVolumes makes the content of a container's volumes available, where it is
// not a plain directory, to the container or to whoever else reads them. An
// error leaves none mounted.
func (d *Daemon) mountVolumes(ctx context.Context, s *snapshot, user string) (err error) {
	for _, m := range s.rec.MountPoints {
		if m.Type != "volume" || err != nil {
			continue
		}
		wait, cancel := context.WithTimeout(ctx, volumePatience)
		_, err = d.volumes.Mount(wait, m.Name, user)
		cancel()
	}
	if err != nil {
		d.releaseMounts(s, user)
	}
	return err
}

// tellMounts tells the journal of the volumes that are mounted for a container,
// in the order of their paths.
func (d *Daemon) tellMounts(ctx context.Context, s *snapshot) {
	for _, m := range s.rec.volumes() {
		d.volumeEvent(ctx, "mount", m.Name, map[string]string{
			"container": s.rec.ID, "destination": m.Destination,
			"read/write": strconv.FormatBool(m.RW), "propagation": m.Propagation,
		})
	}
}

// unmountVolumes undoes mountVolumes and tells so.
func (d *Daemon) unmountVolumes(ctx context.Context, s *snapshot, user string) {
	d.releaseMounts(s, user)
	for _, m := range s.rec.volumes() {
		d.volumeEvent(ctx, "unmount", m.Name, map[string]string{"container": s.rec.ID})
	}
}

// volumes are the mounts of a container that are volumes, by their paths.
func (r *record) volumes() []mountPoint {
	var list []mountPoint
	for _, m := range r.MountPoints {
		if m.Type == "volume" {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b mountPoint) int { return strings.Compare(a.Destination, b.Destination) })
	return list
}

// releaseMounts takes away what mountVolumes has mounted for a user.
func (d *Daemon) releaseMounts(s *snapshot, user string) {
	for _, m := range s.rec.MountPoints {
		if m.Type != "volume" {
			continue
		}
		if _, err := d.volumes.Unmount(m.Name, user); err != nil {
			d.opt.Logf("unmounting volume %s of container %s: %v", m.Name, s.bare(), err)
		}
	}
}
