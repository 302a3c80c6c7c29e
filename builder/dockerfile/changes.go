package dockerfile

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// Changes changes a configuration by instructions, one a line: those of import
// --change and commit --change. The configuration stays as it was when one is wrong.
func Changes(cfg *runconfig.Config, lines []string) error {
	ast, err := parser.Parse(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		if !instructed([]byte(strings.Join(lines, "\n"))) {
			return nil
		}
		return errdefs.InvalidArgument("reading the changes: %w", err)
	}
	next := *cfg
	s := &Stand{Config: &next, Args: NewArgs(nil, "", "")}
	for _, n := range ast.AST.Children {
		if err := s.change(n, ast.EscapeToken); err != nil {
			return errdefs.InvalidArgument("change %q: %w", n.Original, err)
		}
	}
	*cfg = next
	return nil
}

func (s *Stand) change(n *parser.Node, escape rune) error {
	switch strings.ToUpper(n.Value) {
	case "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR":
	default:
		return errdefs.InvalidArgument("%s is not a valid change command", strings.ToLower(n.Value))
	}
	cmd, err := instructions.ParseCommand(n)
	if err != nil {
		return err
	}
	if err := Expand(cmd, s.Config.Env, escape); err != nil {
		return err
	}
	if c, ok := cmd.(*instructions.WorkdirCommand); ok {
		s.Config.WorkingDir, err = Workdir(s.Config.WorkingDir, c.Path)
		return err
	}
	_, _, err = Apply(s, cmd)
	return err
}
