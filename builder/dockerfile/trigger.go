package dockerfile

import (
	"errors"
	"strings"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/enginejobs/docker/errdefs"
)

// Trigger reads the instruction of an ONBUILD as the image has it. The escape is
// that of the file that is built.
func Trigger(text string, escape rune) (Step, error) {
	ast, err := parser.Parse(strings.NewReader("# escape=" + string(escape) + "\n" + text))
	if err != nil {
		return Step{}, errdefs.InvalidArgument("reading the build trigger %q: %w", text, err)
	}
	if len(ast.AST.Children) != 1 {
		return Step{}, errdefs.InvalidArgument("onbuild trigger should be a single expression: %q has %d", text, len(ast.AST.Children))
	}
	n := ast.AST.Children[0]
	if err := triggerAllowed(n.Value); err != nil {
		return Step{}, err
	}
	cmd, err := instructions.ParseCommand(n)
	var unknown *instructions.UnknownInstructionError
	if errors.As(err, &unknown) {
		return Step{}, errdefs.InvalidArgument("unknown instruction: %s, in the build trigger %q", strings.ToUpper(unknown.Instruction), text)
	}
	if err != nil {
		return Step{}, errdefs.InvalidArgument("reading the build trigger %q: %w", text, err)
	}
	return Step{Command: cmd, Text: stepText(n, false)}, nil
}

// triggerAllowed refuses what ONBUILD cannot do.
func triggerAllowed(name string) error {
	switch name = strings.ToUpper(name); name {
	case "ONBUILD":
		return errdefs.InvalidArgument("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
	case "MAINTAINER", "FROM":
		return errdefs.InvalidArgument("%s isn't allowed as an ONBUILD trigger", name)
	}
	return nil
}

// firstWord is what stands before the first white space.
func firstWord(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i]
	}
	return s
}
