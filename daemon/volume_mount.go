package daemon

import (
	"context"
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
		first, merr := d.volumes.Mount(wait, m.Name, user)
		cancel()
		if err = merr; first {
			d.volumeEvent(ctx, "mount", m.Name, map[string]string{"container": s.rec.ID, "destination": m.Destination})
		}
	}
	if err != nil {
		d.unmountVolumes(ctx, s, user)
	}
	return err
}

// unmountVolumes undoes mountVolumes.
func (d *Daemon) unmountVolumes(ctx context.Context, s *snapshot, user string) {
	for _, m := range s.rec.MountPoints {
		if m.Type != "volume" {
			continue
		}
		last, err := d.volumes.Unmount(m.Name, user)
		if err != nil {
			d.opt.Logf("unmounting volume %s of container %s: %v", m.Name, s.bare(), err)
		}
		if last {
			d.volumeEvent(ctx, "unmount", m.Name, map[string]string{"container": s.rec.ID})
		}
	}
}
