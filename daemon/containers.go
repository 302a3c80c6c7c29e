package daemon

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/filters"
)

// containersOptions choose the rows.
type containersOptions struct {
	All, Size, Health bool
	Limit             int
	Since, Before     string
	Filters           filters.Filters
}

func decodeContainers(job *engine.Job) (containersOptions, error) {
	opt := containersOptions{
		All: job.GetenvBool("all"), Size: job.GetenvBool("size"), Health: job.GetenvBool("health"), Limit: job.GetenvInt("limit"),
		Since: job.Getenv("since"), Before: job.Getenv("before"),
	}
	var err error
	opt.Filters, err = filters.Parse(job.Getenv("filters"))
	return opt, err
}

// jobContainers lists containers, newest first.
//
// Usage:  containers
// Env:    all: also those that do not run. size: compute sizes. limit: at most so many. since, before: CONTAINER.
// Env:    filters: JSON, name to values. health: rows have Health.
// Stdout: JSON list of api.ContainerSummary.
// Errors: NotFound (since, before), InvalidArgument (filters).
func (d *Daemon) jobContainers(job *engine.Job) error {
	opt, err := decodeContainers(job)
	if err != nil {
		return err
	}
	chosen, err := d.choose(opt)
	if err != nil {
		return err
	}
	buf, ok := d.lists.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	text, err := d.encodeRows(job.Context(), (*buf)[:0], chosen, opt)
	if err == nil {
		_, err = job.Stdout.Write(text)
	}
	if cap(text) <= keptList {
		*buf = text
		d.lists.Put(buf)
	}
	return err
}

// keptList is how long the text of a list may be for its memory to be used again.
const keptList = 256 << 10 // bytes

// encodeRows appends the JSON list to text. It reads snapshots only; nothing that a
// container does can hold it up. Rows are pasted together from prepared pieces;
// only those with names of links or sizes are encoded anew.
func (d *Daemon) encodeRows(ctx context.Context, text []byte, chosen []*snapshot, opt containersOptions) ([]byte, error) {
	now := d.opt.Now()
	links := d.linkNames()
	text = append(slices.Grow(text, 2+1200*len(chosen)), '[')
	for i, s := range chosen {
		if i > 0 {
			text = append(text, ',')
		}
		r := s.row.get(s)
		more := links[s.rec.ID]
		if r.head != nil && len(more) == 0 && !opt.Size {
			text = append(s.appendStatus(append(text, r.head...), now), r.tail...)
			if opt.Health {
				text = appendHealth(text, s)
			}
			continue
		}
		sum := r.summary
		sum.Status = s.status(now)
		sum.Names = slices.Concat(sum.Names, more)
		if opt.Size {
			rw, root := d.sizes(ctx, s)
			sum.SizeRw, sum.SizeRootFs = &rw, &root
		}
		b, err := json.Marshal(&sum)
		if err != nil {
			return text, errdefs.Internal("encoding the row of container %s: %w", short(s.rec.ID), err)
		}
		if text = append(text, b...); opt.Health {
			text = appendHealth(text, s)
		}
	}
	return append(text, ']', '\n'), ctx.Err()
}

// appendHealth adds the member Health to the row at the end of text. Its words
// need no escape.
func appendHealth(text []byte, s *snapshot) []byte {
	status, streak := "none", 0
	if h := s.health.shown(); h != nil {
		status, streak = h.Status, h.FailingStreak
	}
	text = append(text[:len(text)-1], `,"Health":{"Status":"`...)
	text = append(append(text, status...), `","FailingStreak":`...)
	return append(strconv.AppendInt(text, int64(streak), 10), "}}"...)
}

// choose applies since, before, limit and the filters.
func (d *Daemon) choose(opt containersOptions) ([]*snapshot, error) {
	m, err := d.matcher(opt.Filters)
	if err != nil {
		return nil, err
	}
	all := opt.All || opt.Limit > 0 || opt.Since != "" || opt.Before != "" || m.impliesAll
	since, err := d.boundary(opt.Since)
	if err != nil {
		return nil, err
	}
	before, err := d.boundary(opt.Before)
	if err != nil {
		return nil, err
	}
	containers := d.containers.all()
	chosen := make([]*snapshot, 0, min(len(containers), 64))
	behind := before == nil // the list begins after that container
	for _, c := range containers {
		if c == since {
			break
		}
		if !behind {
			behind = c == before
			continue
		}
		s := c.now()
		if s.state.Phase == removed || !all && !s.state.alive() && !s.state.again() || !m.match(d, s) {
			continue
		}
		chosen = append(chosen, s)
		if opt.Limit > 0 && len(chosen) == opt.Limit {
			break
		}
	}
	return chosen, nil
}

func (d *Daemon) boundary(ref string) (*container, error) {
	if ref == "" {
		return nil, nil
	}
	return d.containers.find(ref)
}

// linkNames maps containers to the names by which others link to them.
func (d *Daemon) linkNames() map[string][]string {
	var names map[string][]string
	for _, c := range d.containers.all() {
		s := c.now()
		for _, l := range s.rec.Links {
			if names == nil {
				names = map[string][]string{}
			}
			names[l.Child] = append(names[l.Child], s.rec.Name+"/"+l.Alias)
		}
	}
	return names
}

// sizes are the bytes that a container has written, and all of its root; -1 for
// what cannot be told.
func (d *Daemon) sizes(ctx context.Context, s *snapshot) (rw, root int64) {
	rw, err := d.opt.Images.LayerSize(ctx, s.rec.ID)
	if err != nil {
		return -1, -1
	}
	img, err := d.opt.Images.Image(s.rec.Image)
	if err != nil {
		return rw, -1
	}
	return rw, rw + img.Size
}
