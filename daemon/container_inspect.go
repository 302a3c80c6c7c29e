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

// inspectOptions choose what is told.
type inspectOptions struct {
	Size, ExecDriver, MainNetwork bool
}

func decodeInspect(job *engine.Job) inspectOptions {
	return inspectOptions{Size: job.GetenvBool("size"), ExecDriver: job.GetenvBool("exec-driver"), MainNetwork: job.GetenvBool("main-network")}
}

// jobContainerInspect tells everything about a container.
//
// Usage:  container_inspect CONTAINER
// Env:    size: compute sizes too. exec-driver, main-network: with what only older API versions tell.
// Stdout: one api.ContainerInspect.
// Errors: NotFound.
func (d *Daemon) jobContainerInspect(job *engine.Job) error {
	c, err := d.containers.find(job.Args[0])
	if err != nil {
		return err
	}
	text, err := d.inspectText(job.Context(), c, decodeInspect(job))
	if err != nil {
		return err
	}
	_, err = job.Stdout.Write(text)
	return err
}

// inspectText is the document. Without sizes it is encoded once for each state of a
// container and each choice of options, unless execs come and go in it meanwhile.
func (d *Daemon) inspectText(ctx context.Context, c *container, opt inspectOptions) ([]byte, error) {
	s := c.now()
	if opt.Size || d.executions.any(c.id) || len(s.rec.Links) > 0 { // names of linked containers change by themselves
		return encodeLine(chosenMembers(d.inspectSnapshot(ctx, c, s, opt.Size), opt))
	}
	return s.row.inspected(opt, func() ([]byte, error) {
		out := d.inspectSnapshot(ctx, c, s, false)
		out.ExecIDs = nil // one that has begun just now is not of the state
		return encodeLine(chosenMembers(out, opt))
	})
}

// chosenMembers leaves out what is not asked for.
func chosenMembers(out *api.ContainerInspect, opt inspectOptions) any {
	if !opt.ExecDriver {
		out.ExecDriver = ""
	}
	if opt.MainNetwork {
		return out
	}
	config, net := *out.Config, out.NetworkSettings
	config.MacAddress = ""
	out.Config = &config
	return &inspectNetworks{out, networkMembers{net.SandboxID, net.SandboxKey, net.Ports, net.Networks}}
}

// inspectNetworks tells of networks only what is not one of them.
type inspectNetworks struct {
	*api.ContainerInspect
	NetworkSettings networkMembers
}

type networkMembers struct {
	SandboxID, SandboxKey string
	Ports                 runconfig.PortMap
	Networks              map[string]*api.EndpointSettings
}

func encodeLine(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, errdefs.Internal("encoding the description of a container: %w", err)
	}
	return append(text, '\n'), nil
}

// inspectSnapshot reads one snapshot.
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
