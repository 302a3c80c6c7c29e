package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

// startOptions name a container and, from classic clients, its new HostConfig.
type startOptions struct {
	Name      string
	Host      *runconfig.HostConfig
	Keep      []string // members of the stored one that stay when Host has none
	Automatic bool     // by the restart policy
	mark      marks
	took      func(name string, d time.Duration)
}

func decodeStart(job *engine.Job) (startOptions, error) {
	opt := startOptions{Name: job.Args[0], Automatic: job.GetenvBool("automatic"), mark: job.Phase, took: job.PhaseTook}
	if !job.EnvExists("HostConfig") {
		return opt, nil
	}
	opt.Keep = job.GetenvList("keep")
	return opt, job.GetenvJson("HostConfig", &opt.Host)
}

// jobStart runs a container's workload.
//
// Usage:  start CONTAINER
// Env:    HostConfig: replaces the stored one as a whole.
// Env:    keep: but for these of its members, which older clients have in Config.
// Env:    automatic: what the restart policy asks for: only a container that waits for its next start.
// Phases: reserve, network, prepare, launch, publish; launch in the parts that the exec driver tells.
// Errors: NotFound (container, program), NotModified (runs already), Conflict (paused, being removed),
// Errors: Forbidden (program cannot be executed), InvalidArgument, Internal.
// Events: start; die when it fails.
func (d *Daemon) jobStart(job *engine.Job) error {
	opt, err := decodeStart(job)
	if err != nil {
		return err
	}
	return d.Start(job.Context(), opt)
}

// Start returns when the workload has been executed. A start that is already
// under way is waited for and then counts as "runs already". Once begun, a
// start is finished even if the caller leaves.
func (d *Daemon) Start(ctx context.Context, opt startOptions) error {
	watch := d.stopwatch(&opt)
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	for {
		s, err := c.settled(ctx)
		if err != nil {
			return err
		}
		if opt.Host != nil && !s.state.active() {
			keepMembers(opt.Host, s.host, opt.Keep)
			if err := d.replaceHost(c, opt.Host); err != nil {
				return err
			}
		}
		s, err = c.transition(func(s *state) error { return s.begin(opt.Automatic) })
		if err == nil {
			watch.mark(phaseReserve)
			return d.launch(context.WithoutCancel(ctx), c, s, watch)
		}
		if s.state.Phase != starting {
			return err
		}
	}
}

// keepMembers takes over what host does not say.
func keepMembers(host, stored *runconfig.HostConfig, names []string) {
	for _, name := range names {
		switch name {
		case "Memory":
			host.Memory = cmp.Or(host.Memory, stored.Memory)
		case "MemorySwap":
			host.MemorySwap = cmp.Or(host.MemorySwap, stored.MemorySwap)
		case "CpuShares":
			host.CpuShares = cmp.Or(host.CpuShares, stored.CpuShares)
		case "CpusetCpus":
			host.CpusetCpus = cmp.Or(host.CpusetCpus, stored.CpusetCpus)
		case "VolumeDriver":
			host.VolumeDriver = cmp.Or(host.VolumeDriver, stored.VolumeDriver)
		case "Privileged":
			host.Privileged = host.Privileged || stored.Privileged
		case "Dns":
			if host.Dns == nil {
				host.Dns = stored.Dns
			}
		case "VolumesFrom":
			if host.VolumesFrom == nil {
				host.VolumesFrom = stored.VolumesFrom
			}
		}
	}
}

// replaceHost gives a container the HostConfig of a classic start request.
func (d *Daemon) replaceHost(c *container, host *runconfig.HostConfig) error {
	s := c.now()
	cfg := *s.rec.Config
	if cfg.Hostname == short(c.id) {
		cfg.Hostname = "" // nobody asked for it: it conflicts with nothing
	}
	if err := d.validate(&cfg, host); err != nil {
		return err
	}
	links, err := d.settleLinks(host)
	if err != nil {
		return err
	}
	points, err := d.settleMounts(&cfg, host)
	if err != nil {
		return err
	}
	for dst, m := range points { // volumes that were made at create stay
		if old, ok := s.rec.MountPoints[dst]; ok && m.Anonymous && old.Type == "volume" {
			points[dst] = old
		}
	}
	classic := createOptions{IpcMode: "shareable", CgroupnsMode: "host"} // nobody else sends one with a start
	d.defaults(&cfg, host, c.id, classic.defaults(d.opt.Defaults))
	if err := d.acquireSources(d.background(), c.id, points); err != nil {
		return err
	}
	_, err = c.update(func(s *snapshot) error {
		rec := *s.rec
		rec.Links, rec.MountPoints = links, points
		rec.Volumes, rec.VolumesRW = classicVolumes(points)
		s.rec, s.host = &rec, host
		return nil
	})
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := d.opt.Names.Link(c.id, l.Alias, l.Child); err != nil && !errdefs.IsConflict(err) {
			return err
		}
	}
	return d.saveConfig(c)
}

// launch does a start whose transition has been made. Whatever fails, nothing
// of the start is left and the container says why.
func (d *Daemon) launch(ctx context.Context, c *container, s *snapshot, watch *stopwatch) error {
	began := d.opt.Now()
	told := make(chan struct{})
	defer close(told) // the journal has the start before the end
	err := d.run(ctx, c, s, told, watch)
	if err == nil {
		d.event(ctx, c.now(), "start", nil)
		if serr := d.subscribe(ctx, c); serr != nil && !errdefs.IsNotFound(serr) && !errdefs.IsConflict(serr) {
			d.opt.Logf("attaching those who waited for container %s: %v", short(c.id), serr)
		}
		watch.mark(phasePublish)
		return nil
	}
	err = fmt.Errorf("Cannot start container %s: %w", s.bare(), err) //nolint:staticcheck // classic text
	code := startCode(err)
	s, _ = c.update(func(s *snapshot) error {
		s.net = d.idleNetwork(s.rec, s.host)
		return s.state.failed(code, err.Error())
	})
	c.hub.dismiss()
	d.event(ctx, s, "die", map[string]string{
		"exitCode": fmt.Sprint(code), "execDuration": fmt.Sprint(int(d.opt.Now().Sub(began).Seconds())),
	})
	if serr := d.saveState(c, true); serr != nil {
		d.opt.Logf("%v", serr)
	}
	if s.host.AutoRemove {
		d.autoRemove(ctx, c)
	}
	return err
}

// startCode is the exit code of a start that failed.
func startCode(err error) int {
	var step *execdriver.StartError
	if errors.As(err, &step) {
		switch errdefs.KindOf(err) {
		case errdefs.KindNotFound:
			return 127
		case errdefs.KindForbidden:
			return 126
		}
	}
	return 128
}

// run takes a container through everything that comes between the decision to
// start it and its running workload.
func (d *Daemon) run(ctx context.Context, c *container, s *snapshot, told <-chan struct{}, watch *stopwatch) (err error) {
	var undo undoStack
	defer func() {
		if err != nil {
			undo.run()
		}
	}()
	children, err := d.children(s)
	if err != nil {
		return err
	}
	s, err = d.online(ctx, c, s, &undo)
	if err != nil {
		return err
	}
	if err := d.openLinks(ctx, s, s.net.IPAddress, children); err != nil {
		return err
	}
	undo.add(func() { d.closeLinks(ctx, s) })
	watch.mark(phaseNetwork)
	if err := d.writeFiles(c, s, children); err != nil {
		return err
	}
	if err := d.mountVolumes(ctx, s, c.id); err != nil {
		return err
	}
	d.tellMounts(ctx, s)
	undo.add(func() { d.unmountVolumes(ctx, s, c.id) })
	cmd, err := d.command(c, s, children)
	if err != nil {
		return err
	}
	// What is on disk before the workload runs is all that a restarted daemon
	// needs beside the exec driver's own state.
	if err := d.saveState(c, false); err != nil {
		return err
	}
	c.hub.fresh()
	out, err := c.hub.prepare(cmd.Process.Tty, d.track)
	if err != nil {
		return err
	}
	watch.mark(phasePrepare)
	st, err := d.opt.Exec.Start(ctx, cmd, out)
	watch.launched(st.Phases)
	if err != nil {
		return err
	}
	d.announce(ctx, s)
	cleaning := make(chan struct{})
	close(cleaning)
	_, err = c.update(func(s *snapshot) error {
		s.told, s.cleaning = told, cleaning
		return s.state.started(st.Pid, startTime(st, d.opt.Now()))
	})
	c.hub.begin()
	d.watchHealth(c, false)
	return err
}

func startTime(st execdriver.State, now time.Time) time.Time {
	if st.StartedAt.IsZero() {
		return now.UTC()
	}
	return st.StartedAt.UTC()
}

// online connects a container to its network and publishes the result. An
// automatic restart keeps the network it has, unless its sandbox was lost with
// an earlier daemon.
func (d *Daemon) online(ctx context.Context, c *container, s *snapshot, undo *undoStack) (*snapshot, error) {
	net := s.net
	if !connected(&net) || net.SandboxKey == "" {
		var keep *api.NetworkSettings
		if connected(&net) {
			keep = &s.net
			d.disconnect(ctx, c.id)
		}
		var err error
		if net, err = d.connect(ctx, s, keep); err != nil {
			return s, err
		}
		d.tellNetworks(ctx, &net, c.id, "connect")
	}
	d.tellPlain(ctx, s, "connect")
	undo.add(func() {
		if connected(&net) {
			d.disconnect(ctx, c.id)
			d.tellNetworks(ctx, &net, c.id, "disconnect")
		}
		d.tellPlain(ctx, s, "disconnect")
	})
	return c.update(func(s *snapshot) error {
		s.net = net
		return nil
	})
}
