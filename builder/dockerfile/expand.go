package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/enginejobs/docker/errdefs"
)

// A word of a Dockerfile may name variables often, and their values may be long: a
// few lines of it could ask for more than any memory has.
const (
	maxVariables   = 1 << 20 // bytes that the variables of one word may bring
	maxReplacement = 8 << 10 // bytes of a word with ${name/pattern/text}, and of its variables
)

// Expand replaces variables in the instructions that have it: all but RUN (its
// mounts are expanded), CMD, ENTRYPOINT, ONBUILD, HEALTHCHECK, SHELL and
// MAINTAINER. The command is changed: give a Clone when it is needed again. Of
// two variables with one name the first counts.
func Expand(cmd instructions.Command, env []string, escape rune) error {
	x := newExpansion(env, escape)
	if err := x.command(cmd); err != nil {
		return errdefs.InvalidArgument("%w", err)
	}
	return nil
}

// expansion knows the variables of one instruction. Its lexer cannot be shared.
type expansion struct {
	lex    *shell.Lex
	env    []string
	budget int
	over   bool
}

func newExpansion(env []string, escape rune) *expansion {
	return &expansion{lex: shell.NewLex(escape), env: env}
}

// Get is that of a shell.EnvGetter.
func (x *expansion) Get(name string) (string, bool) {
	for _, pair := range x.env {
		k, v, _ := strings.Cut(pair, "=")
		if k != name {
			continue
		}
		if x.budget -= len(v); x.budget < 0 {
			x.over = true
			return "", true
		}
		return v, true
	}
	return "", false
}

// Keys is that of a shell.EnvGetter.
func (x *expansion) Keys() []string {
	list := make([]string, 0, len(x.env))
	for _, pair := range x.env {
		k, _, _ := strings.Cut(pair, "=")
		list = append(list, k)
	}
	return list
}

func (x *expansion) command(cmd instructions.Command) error {
	if c, ok := cmd.(*instructions.ExposeCommand); ok { // the only one where a word may become several
		var ports []string
		for _, p := range c.Ports {
			words, err := x.words(p)
			if err != nil {
				return err
			}
			ports = append(ports, words...)
		}
		c.Ports = ports
		return nil
	}
	if c, ok := cmd.(instructions.SupportsSingleWordExpansion); ok {
		if err := c.Expand(x.word); err != nil {
			return err
		}
	}
	if c, ok := cmd.(instructions.SupportsSingleWordExpansionRaw); ok {
		return c.ExpandRaw(x.raw)
	}
	return nil
}

// word replaces the variables of a word and takes its quotes away.
func (x *expansion) word(w string) (string, error) {
	if err := x.begin(w); err != nil {
		return "", err
	}
	out, _, err := x.lex.ProcessWord(w, x)
	return out, x.end(w, err)
}

// words also parts it where it has blanks then.
func (x *expansion) words(w string) ([]string, error) {
	if err := x.begin(w); err != nil {
		return nil, err
	}
	out, err := x.lex.ProcessWords(w, x)
	return out, x.end(w, err)
}

// raw leaves quotes where they are: in the text of a heredoc, where a backslash
// protects whatever the escape of the file is.
func (x *expansion) raw(w string) (string, error) {
	file := x.lex
	defer func() { x.lex = file }()
	x.lex = shell.NewLex('\\')
	x.lex.SkipProcessQuotes = true
	return x.word(w)
}

func (x *expansion) begin(w string) error {
	x.budget, x.over = maxVariables, false
	if !replaces(w) {
		return nil
	}
	x.budget = maxReplacement
	if len(w) > maxReplacement {
		return fmt.Errorf("failed to process a word of %d bytes with a replacement in a variable: more than %d are not read", len(w), maxReplacement)
	}
	return nil
}

func (x *expansion) end(w string, err error) error {
	if x.over {
		return fmt.Errorf("failed to process %q: the variables in it are too long", shorten(w))
	}
	if i := strings.LastIndex(w, "${"); err != nil && i >= 0 && !strings.Contains(w[i:], "}") {
		return fmt.Errorf("failed to process %q: missing '}'", shorten(w))
	}
	return err
}

// shorten is for messages.
func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// replaces tells whether a word may have ${name/pattern/text}.
func replaces(w string) bool {
	for {
		_, rest, ok := strings.Cut(w, "${")
		if !ok {
			return false
		}
		w = strings.TrimLeftFunc(rest, func(r rune) bool {
			return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		})
		if strings.HasPrefix(w, "/") {
			return true
		}
	}
}

// Clone copies what Expand changes of an instruction.
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
	return cmd // is not changed; the mounts of RUN are read anew each time
}
