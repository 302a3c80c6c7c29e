package dockerfile

import (
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/enginejobs/docker/errdefs"
)

// Expand replaces variables in the instructions that have it: all but RUN (its
// mounts are expanded), CMD, ENTRYPOINT, ONBUILD, HEALTHCHECK, SHELL and
// MAINTAINER. The command is changed: expand a copy when it runs again.
func Expand(cmd instructions.Command, env []string, escape rune) error {
	lexer := shell.NewLex(escape)
	getter := shell.EnvsFromSlice(env)
	word := func(w string) (string, error) {
		out, _, err := lexer.ProcessWord(w, getter)
		return out, err
	}
	if c, ok := cmd.(*instructions.ExposeCommand); ok { // a word may become several
		var ports []string
		for _, p := range c.Ports {
			words, err := lexer.ProcessWords(p, getter)
			if err != nil {
				return failed(cmd, err)
			}
			ports = append(ports, words...)
		}
		c.Ports = ports
		return nil
	}
	if c, ok := cmd.(instructions.SupportsSingleWordExpansion); ok {
		if err := c.Expand(word); err != nil {
			return failed(cmd, err)
		}
	}
	if c, ok := cmd.(instructions.SupportsSingleWordExpansionRaw); ok {
		raw := shell.NewLex(escape)
		raw.RawQuotes, raw.RawEscapes = true, true
		raw.SkipProcessQuotes = true
		err := c.ExpandRaw(func(w string) (string, error) {
			out, _, err := raw.ProcessWord(w, getter)
			return out, err
		})
		if err != nil {
			return failed(cmd, err)
		}
	}
	return nil
}

func failed(cmd instructions.Command, err error) error {
	return errdefs.InvalidArgument("replacing variables of %s: %w", cmd.Name(), err)
}

// Clone copies what Expand and Apply change of an instruction.
func Clone(cmd instructions.Command) instructions.Command {
	switch c := cmd.(type) {
	case *instructions.EnvCommand:
		d := *c
		d.Env = slices.Clone(c.Env)
		return &d
	case *instructions.LabelCommand:
		d := *c
		d.Labels = slices.Clone(c.Labels)
		return &d
	case *instructions.AddCommand:
		d := *c
		d.SourcePaths, d.SourceContents = slices.Clone(c.SourcePaths), slices.Clone(c.SourceContents)
		return &d
	case *instructions.CopyCommand:
		d := *c
		d.SourcePaths, d.SourceContents = slices.Clone(c.SourcePaths), slices.Clone(c.SourceContents)
		return &d
	case *instructions.WorkdirCommand:
		d := *c
		return &d
	case *instructions.ExposeCommand:
		d := *c
		return &d
	case *instructions.UserCommand:
		d := *c
		return &d
	case *instructions.VolumeCommand:
		d := *c
		d.Volumes = slices.Clone(c.Volumes)
		return &d
	case *instructions.StopSignalCommand:
		d := *c
		return &d
	case *instructions.ArgCommand:
		d := *c
		d.Args = slices.Clone(c.Args)
		return &d
	}
	return cmd // is not changed
}
