package dockerfile

import (
	"fmt"
	"path"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/sys/signal"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// Stand is what the instructions of a stage have made so far. Apply changes the
// fields of Config, and never what they had pointed to: a shallow copy of a Config
// stays as it is.
type Stand struct {
	Config *runconfig.Config
	Author string
	CmdSet bool // by this stage: ENTRYPOINT leaves it alone
	Args   *Args
}

// Apply does an instruction that only changes the configuration, after Expand.
// The text is what the history tells after "/bin/sh -c #(nop)  "; of instructions
// that do more, ok is false and nothing is done. Texts and rules are those of
// dockerd 20.10, recorded in testdata/peer.
func Apply(s *Stand, cmd instructions.Command) (text string, ok bool, err error) {
	cfg := s.Config
	switch c := cmd.(type) {
	case *instructions.EnvCommand:
		text, err = env(cfg, c)
	case *instructions.LabelCommand:
		text, err = label(cfg, c)
	case *instructions.MaintainerCommand:
		s.Author = c.Maintainer
		text = "MAINTAINER " + c.Maintainer
	case *instructions.ArgCommand:
		text = s.Args.apply(c)
	case *instructions.ExposeCommand:
		text, err = expose(cfg, c)
	case *instructions.VolumeCommand:
		text, err = volume(cfg, c)
	case *instructions.UserCommand:
		cfg.User = c.User
		text = "USER " + c.User
	case *instructions.StopSignalCommand:
		text, err = stopSignal(cfg, c)
	case *instructions.CmdCommand:
		text = s.cmd(c)
	case *instructions.EntrypointCommand:
		text = s.entrypoint(c)
	case *instructions.HealthCheckCommand:
		text = healthcheck(cfg, c)
	case *instructions.ShellCommand:
		cfg.Shell = slices.Clone(c.Shell)
		text = fmt.Sprintf("SHELL %v", c.Shell)
	case *instructions.OnbuildCommand:
		text, err = onbuild(cfg, c)
	default:
		return "", false, nil
	}
	return text, true, err
}

// Workdir is where WORKDIR leads: absolute paths stay as they are written.
func Workdir(current, given string) (string, error) {
	if given == "" {
		return "", errdefs.InvalidArgument("cannot normalize nothing: WORKDIR needs a path")
	}
	if path.IsAbs(given) {
		return given, nil
	}
	return path.Join("/", current, given), nil
}

func volume(cfg *runconfig.Config, c *instructions.VolumeCommand) (string, error) {
	volumes := make(map[string]struct{}, len(cfg.Volumes)+len(c.Volumes))
	for v := range cfg.Volumes {
		volumes[v] = struct{}{}
	}
	for _, v := range c.Volumes {
		if v == "" {
			return "", errdefs.InvalidArgument("VOLUME specified can not be an empty string")
		}
		volumes[v] = struct{}{}
	}
	cfg.Volumes = volumes
	return fmt.Sprintf("VOLUME %v", c.Volumes), nil
}

func stopSignal(cfg *runconfig.Config, c *instructions.StopSignalCommand) (string, error) {
	if _, err := signal.ParseSignal(c.Signal); err != nil {
		return "", errdefs.InvalidArgument("Invalid signal: %s", c.Signal)
	}
	cfg.StopSignal = c.Signal
	return "STOPSIGNAL " + c.Signal, nil
}

func onbuild(cfg *runconfig.Config, c *instructions.OnbuildCommand) (string, error) {
	if err := triggerAllowed(firstWord(c.Expression)); err != nil {
		return "", err
	}
	cfg.OnBuild = append(slices.Clip(cfg.OnBuild), c.Expression)
	return "ONBUILD " + c.Expression, nil
}
