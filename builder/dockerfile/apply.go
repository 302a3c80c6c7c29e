package dockerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/sys/signal"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

// Stand is what the instructions of a stage have made so far.
type Stand struct {
	Config *runconfig.Config
	Author string
	CmdSet bool // by this stage: ENTRYPOINT leaves it alone
	Args   *Args
}

// Apply does an instruction that only changes the configuration, after Expand.
// The text is what its history tells, without the shell and "#(nop)". Others are
// ok == false. The texts are those of Docker 17.05 to 20.10.
func Apply(s *Stand, cmd instructions.Command) (text string, ok bool, err error) {
	cfg := s.Config
	switch c := cmd.(type) {
	case *instructions.EnvCommand:
		return env(cfg, c), true, nil
	case *instructions.LabelCommand:
		return label(cfg, c), true, nil
	case *instructions.MaintainerCommand:
		s.Author = c.Maintainer
		return "MAINTAINER " + c.Maintainer, true, nil
	case *instructions.ArgCommand:
		return s.arg(c), true, nil
	case *instructions.ExposeCommand:
		text, err = expose(cfg, c)
	case *instructions.VolumeCommand:
		text, err = volume(cfg, c)
	case *instructions.UserCommand:
		cfg.User = c.User
		text = fmt.Sprintf("USER %v", c.User)
	case *instructions.StopSignalCommand:
		if _, serr := signal.ParseSignal(c.Signal); serr != nil {
			return "", true, errdefs.InvalidArgument("Invalid signal: %s", c.Signal)
		}
		cfg.StopSignal = c.Signal
		text = fmt.Sprintf("STOPSIGNAL %v", c.Signal)
	case *instructions.CmdCommand:
		cfg.Cmd = CommandLine(cfg, c.ShellDependantCmdLine)
		cfg.ArgsEscaped = false
		s.CmdSet = s.CmdSet || len(c.CmdLine) > 0
		text = fmt.Sprintf("CMD %q", []string(cfg.Cmd))
	case *instructions.EntrypointCommand:
		cfg.Entrypoint = CommandLine(cfg, c.ShellDependantCmdLine)
		if !s.CmdSet {
			cfg.Cmd = nil
		}
		text = fmt.Sprintf("ENTRYPOINT %q", []string(cfg.Entrypoint))
	case *instructions.HealthCheckCommand:
		text = healthcheck(cfg, c)
	case *instructions.ShellCommand:
		cfg.Shell = c.Shell
		text = fmt.Sprintf("SHELL %v", c.Shell)
	case *instructions.OnbuildCommand:
		word, _, _ := cutSpace(c.Expression)
		if err := triggerAllowed(word); err != nil {
			return "", true, err
		}
		cfg.OnBuild = append(slices.Clip(cfg.OnBuild), c.Expression)
		text = "ONBUILD " + c.Expression
	default:
		return "", false, nil
	}
	return text, true, err
}

// CommandLine is what runs: the exec form, or the shell form in the shell of the
// image. A heredoc without a command is the script of the shell.
func CommandLine(cfg *runconfig.Config, line instructions.ShellDependantCmdLine) runconfig.Strings {
	list := slices.Clone(line.CmdLine)
	if line.PrependShell {
		list = append(Shell(cfg), strings.Join(list, " "))
	}
	if list == nil {
		list = []string{}
	}
	return list
}

// Shell is that of the image, or the usual one.
func Shell(cfg *runconfig.Config) []string {
	if len(cfg.Shell) > 0 {
		return slices.Clone([]string(cfg.Shell))
	}
	return []string{"/bin/sh", "-c"}
}

func env(cfg *runconfig.Config, c *instructions.EnvCommand) string {
	text := "ENV"
	for _, e := range c.Env {
		cfg.Env = set(cfg.Env, e.Key, e.Value)
		text += " " + e.Key + "=" + e.Value
	}
	return text
}

// set replaces a variable in its place, or appends it.
func set(env []string, key, value string) []string {
	env = slices.Clone(env)
	for i, e := range env {
		if k, _, _ := strings.Cut(e, "="); k == key {
			env[i] = key + "=" + value
			return env
		}
	}
	return append(env, key+"="+value)
}

func label(cfg *runconfig.Config, c *instructions.LabelCommand) string {
	labels := make(map[string]string, len(cfg.Labels)+len(c.Labels))
	for k, v := range cfg.Labels {
		labels[k] = v
	}
	text := "LABEL"
	for _, l := range c.Labels {
		labels[l.Key] = l.Value
		text += " " + l.String()
	}
	cfg.Labels = labels
	return text
}

func (s *Stand) arg(c *instructions.ArgCommand) string {
	var words []string
	for _, a := range c.Args {
		word := a.Key
		if a.Value != nil {
			word += "=" + *a.Value
		}
		words = append(words, word)
		s.Args.Declare(a.Key, a.Value)
	}
	return "ARG " + strings.Join(words, " ")
}

func expose(cfg *runconfig.Config, c *instructions.ExposeCommand) (string, error) {
	next := runconfig.Config{ExposedPorts: make(map[runconfig.Port]struct{}, len(cfg.ExposedPorts))}
	for p := range cfg.ExposedPorts {
		next.ExposedPorts[p] = struct{}{}
	}
	for _, p := range c.Ports {
		// What stands before the ports is about hosts, which images know nothing of.
		if err := image.Apply(&next, []string{"EXPOSE " + p[strings.LastIndexByte(p, ':')+1:]}); err != nil {
			return "", errdefs.InvalidArgument("Invalid containerPort: %s: %w", p, err)
		}
	}
	cfg.ExposedPorts = next.ExposedPorts
	return "EXPOSE " + strings.Join(slices.Sorted(slices.Values(c.Ports)), " "), nil
}

func volume(cfg *runconfig.Config, c *instructions.VolumeCommand) (string, error) {
	volumes := make(map[string]struct{}, len(cfg.Volumes)+len(c.Volumes))
	for v := range cfg.Volumes {
		volumes[v] = struct{}{}
	}
	for _, v := range c.Volumes {
		if strings.TrimSpace(v) == "" {
			return "", errdefs.InvalidArgument("VOLUME specified can not be an empty string")
		}
		volumes[v] = struct{}{}
	}
	cfg.Volumes = volumes
	return fmt.Sprintf("VOLUME %v", c.Volumes), nil
}

// healthcheck has the text that Go makes of the value that Docker prints.
func healthcheck(cfg *runconfig.Config, c *instructions.HealthCheckCommand) string {
	h := c.Health
	check := &runconfig.Healthcheck{
		Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod,
		StartInterval: h.StartInterval, Retries: h.Retries,
	}
	cfg.Healthcheck = check
	return fmt.Sprintf("HEALTHCHECK &{%q %q %q %q %q}", h.Test, h.Interval, h.Timeout, h.StartPeriod, rune(h.Retries))
}

// Workdir is where WORKDIR leads.
func Workdir(current, given string) (string, error) {
	if given == "" {
		return "", errdefs.InvalidArgument("cannot normalize nothing: WORKDIR needs a path")
	}
	if !path.IsAbs(given) {
		given = path.Join("/", current, given)
	}
	return path.Clean(given), nil
}
