package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/cgroups"
)

// Pause freezes a container. The group is all that it takes; the exec engine is
// not asked.
func (d *Driver) Pause(ctx context.Context, id string) error {
	return d.withGroup(id, "freezing", func(g *cgroups.Group) error { return g.Freeze(ctx) })
}

// Unpause lets it go on.
func (d *Driver) Unpause(_ context.Context, id string) error {
	return d.withGroup(id, "thawing", (*cgroups.Group).Thaw)
}

func (d *Driver) withGroup(id, doing string, do func(*cgroups.Group) error) error {
	h, err := d.get(id)
	if err != nil {
		return err
	}
	group := h.group()
	if group == nil {
		return errdefs.Conflict("container %s is not running", id)
	}
	err = do(group)
	if err != nil && (!h.running() || isGone(err)) {
		return errdefs.Conflict("container %s is not running", id)
	}
	if err != nil {
		return fmt.Errorf("%s container %s: %w", doing, id, err)
	}
	return nil
}

// isGone tells whether a group was removed under our hands.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) }

// group is that of a running container, else nil.
func (h *held) group() *cgroups.Group {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.exit != nil {
		return nil
	}
	return h.record.Group
}

// isPaused asks the kernel, which is who remembers it.
func (h *held) isPaused() bool {
	group := h.group()
	if group == nil {
		return false
	}
	frozen, err := group.Frozen()
	return err == nil && frozen
}
