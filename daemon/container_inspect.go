package daemon

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// jobContainerInspect tells everything about a container.
//
// Usage:  container_inspect CONTAINER
// Env:    size: compute sizes too.
// Stdout: one api.ContainerInspect.
// Errors: NotFound.
func (d *Daemon) jobContainerInspect(job *engine.Job) error {
	c, err := d.containers.find(job.Args[0])
	if err != nil {
		return err
	}
	if decodeInspect(job) {
		return job.WriteJSON(d.Inspect(job.Context(), c, true))
	}
	text, err := d.inspectText(job.Context(), c)
	if err != nil {
		return err
	}
	_, err = job.Stdout.Write(text)
	return err
}

// inspectText is the document without sizes. It is encoded once for each state of
// a container, unless execs come and go in it meanwhile.
func (d *Daemon) inspectText(ctx context.Context, c *container) ([]byte, error) {
	s := c.now()
	if d.executions.any(c.id) || len(s.rec.Links) > 0 { // names of linked containers change by themselves
		return encodeLine(d.inspectSnapshot(ctx, c, s, false))
	}
	row := s.row
	row.inspect.Do(func() {
		out := d.inspectSnapshot(ctx, c, s, false)
		out.ExecIDs = nil // one that has begun just now is not of the state
		row.document, row.failed = encodeLine(out)
	})
	return row.document, row.failed
}

func encodeLine(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, errdefs.Internal("encoding the description of a container: %w", err)
	}
	return append(text, '\n'), nil
}

func decodeInspect(job *engine.Job) (size bool) { return job.GetenvBool("size") }

// Inspect reads one snapshot.
func (d *Daemon) Inspect(ctx context.Context, c *container, size bool) *api.ContainerInspect {
	return d.inspectSnapshot(ctx, c, c.now(), size)
}

func (d *Daemon) inspectSnapshot(ctx context.Context, c *container, s *snapshot, size bool) *api.ContainerInspect {
	rec, st := s.rec, &s.state
	out := &api.ContainerInspect{
		Id: rec.ID, Created: rec.Created, Path: rec.Path, Args: rec.Args, Image: rec.Image, Name: rec.Name,
		State: &api.ContainerState{
			Status: st.word(), Running: st.alive() || st.again(), Paused: st.Phase == paused, Restarting: st.again(),
			OOMKilled: st.OOMKilled, Dead: st.Phase == dead, Pid: st.Pid, ExitCode: st.ExitCode, Error: st.Error,
			StartedAt: st.StartedAt, FinishedAt: st.FinishedAt, Health: s.health.shown(),
		},
		ExecIDs: d.executions.ids(rec.ID), HostnamePath: rec.HostnamePath, HostsPath: rec.HostsPath, ResolvConfPath: rec.ResolvConfPath,
		LogPath: c.logPath(s), RestartCount: st.RestartCount, Driver: rec.Driver, ExecDriver: rec.ExecDriver,
		Platform: rec.Platform, MountLabel: rec.MountLabel, ProcessLabel: rec.ProcessLabel,
		AppArmorProfile: rec.AppArmorProfile, HostConfig: d.shownHost(s), Mounts: mountList(rec.MountPoints),
		Config: rec.Config, NetworkSettings: &s.net, GraphDriver: api.GraphDriverData{Name: rec.Driver},
	}
	if out.Args == nil {
		out.Args = []string{}
	}
	if data, err := d.opt.Images.LayerMetadata(rec.ID); err == nil {
		out.GraphDriver.Data = data
	}
	if size {
		rw, root := d.sizes(ctx, s)
		out.SizeRw, out.SizeRootFs = &rw, &root
	}
	return out
}

// shownHost is the HostConfig with links as /child:/parent/alias.
func (d *Daemon) shownHost(s *snapshot) *runconfig.HostConfig {
	if len(s.rec.Links) == 0 && len(s.host.Links) == 0 {
		return s.host
	}
	host := *s.host
	host.Links = nil
	for _, l := range s.rec.Links {
		if child := d.containers.byID(l.Child); child != nil {
			host.Links = append(host.Links, child.now().rec.Name+":"+s.rec.Name+"/"+l.Alias)
		}
	}
	slices.Sort(host.Links)
	return &host
}
