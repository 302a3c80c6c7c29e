// Package dockerfile owns the language of builds: it reads a Dockerfile with the
// parser of BuildKit, decides which stages are wanted and what each needs, keeps
// the arguments of a build, and applies the instructions that only change the
// configuration of an image, with the texts that they leave in its history.
//
// It has no state and does no I/O. Start reading at Parse and File.Resolve. It
// must not import engine, and nothing of it may become part of the client.
package dockerfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/enginejobs/docker/errdefs"
)

// MaxSize is how many bytes a Dockerfile may have.
const MaxSize = 16 << 20

// Options say how to read.
type Options struct {
	Name    string // of the file, for messages; empty: Dockerfile
	Classic bool   // errors as clients of the first versions know them
}

// File is a Dockerfile.
type File struct {
	Meta     []*instructions.ArgCommand // before the first FROM
	Stages   []*Stage
	Warnings []string
	Escape   rune // the character that protects, backslash or backquote
}

// Stage is FROM and what follows. Nothing is expanded.
type Stage struct {
	Index    int
	Name     string // lower case, empty without AS
	Base     string // as written
	Platform string // as written
	Text     string // the line of FROM as it is shown
	Line     int
	Steps    []Step
}

// Step is one instruction.
type Step struct {
	Command instructions.Command
	Text    string // as it is shown
	Line    int
}

// Parse reads a Dockerfile. Errors are InvalidArgument and name the line.
func Parse(text []byte, opt Options) (*File, error) {
	if opt.Name == "" {
		opt.Name = "Dockerfile"
	}
	if len(text) > MaxSize {
		return nil, errdefs.InvalidArgument("the Dockerfile (%s) has %d bytes, more than the %d that are read", opt.Name, len(text), MaxSize)
	}
	if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))) && !mostlyText(text) {
		return nil, errdefs.InvalidArgument("the Dockerfile (%s) is not a text", opt.Name)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		if opt.Classic {
			return nil, errdefs.InvalidArgument("Dockerfile cannot be empty")
		}
		return nil, errdefs.InvalidArgument("the Dockerfile (%s) cannot be empty", opt.Name)
	}
	ast, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		if none := noInstructions(text); none {
			return nil, errdefs.InvalidArgument("the Dockerfile (%s) cannot be empty", opt.Name)
		}
		return nil, parseError(err, opt)
	}
	f := &File{Escape: ast.EscapeToken}
	for _, w := range ast.Warnings {
		f.Warnings = append(f.Warnings, w.Short)
	}
	if err := f.read(ast.AST); err != nil {
		return nil, parseError(err, opt)
	}
	if len(f.Stages) == 0 {
		return nil, errdefs.InvalidArgument("no build stage in current context: the Dockerfile (%s) has no FROM", opt.Name)
	}
	return f, nil
}

// mostlyText accepts what is not UTF-8 but has no control characters: files in
// an old encoding have been built for years.
func mostlyText(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\v' && c != 0x1b {
			return false
		}
	}
	return true
}

// noInstructions tells whether there are only comments.
func noInstructions(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// read turns nodes into stages.
func (f *File) read(ast *parser.Node) error {
	for _, n := range ast.Children {
		cmd, err := instructions.ParseInstruction(n)
		if err != nil {
			return &lineError{line: n.StartLine, err: err}
		}
		text := stepText(n)
		switch c := cmd.(type) {
		case *instructions.Stage:
			f.Stages = append(f.Stages, &Stage{
				Index: len(f.Stages), Name: strings.ToLower(c.Name), Base: c.BaseName, Platform: c.Platform, Text: text, Line: n.StartLine,
			})
		case instructions.Command:
			if len(f.Stages) > 0 {
				s := f.Stages[len(f.Stages)-1]
				s.Steps = append(s.Steps, Step{Command: c, Text: text, Line: n.StartLine})
				continue
			}
			arg, ok := c.(*instructions.ArgCommand)
			if !ok {
				return &lineError{line: n.StartLine, err: errors.New("no build stage in current context")}
			}
			f.Meta = append(f.Meta, arg)
		}
	}
	return nil
}

// stepText is an instruction as the lines "Step 1/2 : " show it: on one line,
// with its name in capitals.
func stepText(n *parser.Node) string {
	text := strings.TrimSpace(n.Original)
	word, rest, more := cutSpace(text)
	text = strings.ToUpper(word)
	if more {
		text += " " + rest
	}
	if i := strings.IndexByte(text, '\n'); i >= 0 { // of a heredoc
		text = text[:i]
	}
	return text
}

// cutSpace cuts at the first blank or tab.
func cutSpace(s string) (before, after string, found bool) {
	i := strings.IndexAny(s, " \t\n\v\f\r")
	if i < 0 {
		return s, "", false
	}
	return s[:i], strings.TrimLeft(s[i:], " \t\v\f\r"), true
}

// lineError is a fault in a line.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string {
	return fmt.Sprintf("dockerfile parse error line %d: %v", e.line, e.err)
}

func (e *lineError) Unwrap() error { return e.err }

// parseError gives a fault of the parser its kind and its line.
func parseError(err error, opt Options) error {
	var unknown *instructions.UnknownInstructionError
	if opt.Classic && errors.As(err, &unknown) {
		return errdefs.InvalidArgument("Unknown instruction: %s", strings.ToUpper(unknown.Instruction))
	}
	var at *lineError
	if errors.As(err, &at) {
		return errdefs.As(errdefs.KindInvalidArgument, err)
	}
	var located *parser.LocationError
	if errors.As(err, &located) && len(located.Locations) > 0 && len(located.Locations[0]) > 0 {
		return errdefs.As(errdefs.KindInvalidArgument, &lineError{line: located.Locations[0][0].Start.Line, err: err})
	}
	return errdefs.InvalidArgument("dockerfile parse error: %w", err)
}

// Trigger reads the instruction of an ONBUILD.
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
	if err != nil {
		return Step{}, errdefs.InvalidArgument("reading the build trigger %q: %w", text, err)
	}
	return Step{Command: cmd, Text: stepText(n)}, nil
}

// triggerAllowed refuses what ONBUILD cannot do.
func triggerAllowed(name string) error {
	switch strings.ToUpper(name) {
	case "ONBUILD":
		return errdefs.InvalidArgument("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
	case "MAINTAINER", "FROM":
		return errdefs.InvalidArgument("%s isn't allowed as an ONBUILD trigger", strings.ToUpper(name))
	}
	return nil
}
