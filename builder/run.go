package builder

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/builder/layer"
	"github.com/enginejobs/docker/builder/run"
	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

// run is RUN: a container, and the image of what it has written.
func (s *stage) run(ctx context.Context, c *instructions.RunCommand) error {
	if s.image == "" {
		return errdefs.InvalidArgument("line %d: there is no command to run in an empty image: COPY or ADD one first", s.step.Line)
	}
	cfg := s.stand.Config
	cmd, script := dockerfile.RunLine(cfg, c)
	all, _ := s.stand.Args.Run(cfg.Env)
	recorded := s.stand.Args.Record(cfg.Env, cmd)
	if script != nil { // what it says counts, not its name
		recorded = append(slices.Clip(recorded), script.Data)
	}
	cc := *cfg
	cc.Cmd = recorded
	if len(recorded) > 0 {
		cc.Entrypoint = nil
	}
	bound, err := s.boundKeys(ctx, c)
	if err != nil {
		return err
	}
	cc.Cmd = slices.Concat(bound, recorded)
	if hit, err := s.cached(ctx, &cc); hit || err != nil {
		return err
	}
	return s.x.work(ctx, func() error { return s.runContainer(ctx, c, cmd, script, all, &cc) })
}

// boundKeys name what the binds of a command show, which the cache has to
// compare: files of the context by their sums, other images by their ids. Caches,
// secrets and agents are no part of what is made.
func (s *stage) boundKeys(ctx context.Context, c *instructions.RunCommand) ([]string, error) {
	var list []string
	for _, m := range instructions.GetMounts(c) {
		if m.Type != instructions.MountTypeBind {
			continue
		}
		shown := ""
		if m.From != "" {
			v, err := s.sourceView(ctx, m.From)
			if err != nil {
				return nil, err
			}
			shown = v.id
		} else {
			e, err := source.Lookup(s.x.context, m.Source, true)
			if err != nil {
				return nil, missing("RUN --mount", m.Source, true, err)
			}
			if shown, err = layer.Sum(ctx, s.x.context, e); err != nil {
				return nil, err
			}
		}
		list = append(list, "--mount="+strings.Join([]string{string(m.Type), shown, m.Source, m.Target}, ","))
	}
	return list, nil
}

// runContainer runs the command and commits what it has made.
func (s *stage) runContainer(ctx context.Context, c *instructions.RunCommand, cmd []string, script *dockerfile.Script, args []string, cc *runconfig.Config) error {
	cfg := *s.stand.Config
	cfg.Image, cfg.Cmd, cfg.Env = s.image, cmd, append(slices.Clone(cfg.Env), args...)
	cfg.Entrypoint, cfg.Healthcheck = runconfig.Strings{""}, &runconfig.Healthcheck{Test: []string{"NONE"}}
	mounts, err := s.mounts(ctx, c)
	if err != nil {
		return err
	}
	if script != nil {
		mounts = append(mounts, run.Mount{Type: run.Secret, Target: script.Path, Mode: 0o755, Data: []byte(script.Data)})
	}
	host := *s.x.opt.Host
	if network := instructions.GetNetwork(c); network != "" && network != instructions.NetworkDefault {
		host.NetworkMode = network
	}
	req := run.Request{
		Config: &cfg, Host: &host, Mounts: mounts, Keep: !s.x.opt.Remove,
		Started: func(id string) { s.out.line(" ---> Running in %s", image.ShortID(id)) },
	}
	if len(mounts) > 0 {
		v, err := s.x.view(ctx, s.image)
		if err != nil {
			return err
		}
		req.Below = v.root
	}
	if !s.x.opt.Quiet {
		req.Stdout, req.Stderr = s.out.stdout(), s.out.stderr()
	}
	res, err := s.x.b.runner.Run(ctx, req)
	if err != nil {
		return err
	}
	if res.ExitCode != 0 {
		return s.failedRun(ctx, res, cmd)
	}
	err = s.commitContainer(ctx, res, cc)
	if !s.x.opt.Remove {
		return err
	}
	if rerr := s.x.b.runner.Remove(ctx, res.Container); rerr != nil {
		s.out.line("Error removing intermediate container %s: %v", image.ShortID(res.Container), rerr)
	} else if err == nil {
		s.out.line("Removing intermediate container %s", image.ShortID(res.Container))
	}
	return err
}

// failedRun removes the container, unless it is to be looked at, and tells why.
func (s *stage) failedRun(ctx context.Context, res run.Result, cmd []string) error {
	if s.x.opt.ForceRemove {
		if err := s.x.b.runner.Remove(ctx, res.Container); err != nil {
			s.out.line("Error removing intermediate container %s: %v", image.ShortID(res.Container), err)
		} else {
			s.out.line("Removing intermediate container %s", image.ShortID(res.Container))
		}
	} else if err := s.x.b.runner.Leave(ctx, res.Container); err != nil {
		s.x.b.opt.Logf("leaving the container of a failed command: %v", err)
	}
	text := strings.Join(cmd, " ")
	if s.x.opt.Steps == stepsFrom0 {
		return &errdefs.Error{Kind: errdefs.KindInvalidArgument, Code: res.ExitCode, Err: errdefs.InvalidArgument("The command [%s] returned a non-zero code: %d", text, res.ExitCode)}
	}
	return &errdefs.Error{
		Kind: errdefs.KindInvalidArgument, Code: res.ExitCode,
		Err: errdefs.InvalidArgument("The command '%s' returned a non-zero code: %d (line %d of the Dockerfile)", text, res.ExitCode, s.step.Line),
	}
}

// commitContainer makes the image of what a command has written.
func (s *stage) commitContainer(ctx context.Context, res run.Result, cc *runconfig.Config) error {
	job := s.x.b.job(ctx, "commit", res.Container)
	job.SetenvBool("pause", false)
	job.SetenvBool("exact", true)
	job.Setenv("author", s.stand.Author)
	job.Setenv("createdBy", strings.Join(cc.Cmd, " "))
	job.SetenvList("stubs", res.Stubs)
	if err := job.SetenvJson("config", s.stand.Config); err != nil {
		return err
	}
	if err := job.SetenvJson("containerConfig", cc); err != nil {
		return err
	}
	var id bytes.Buffer
	job.Stdout.Add(&id)
	if err := job.Run(); err != nil {
		return err
	}
	s.set(strings.TrimSpace(id.String()))
	return nil
}
