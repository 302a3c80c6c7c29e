// Package dockerfile owns the language of builds: it reads a Dockerfile with the
// parser of BuildKit, decides which stages are wanted and what each needs, keeps
// the arguments of a build, and applies the instructions that only change the
// configuration of an image, with the texts that they leave in its history.
//
// It has no state and does no I/O; all that it does is bounded by the size of
// the Dockerfile. Start reading at Parse, File.Resolve and Apply. It must not
// import engine, and nothing of it may become part of the client.
package dockerfile

import (
	"bytes"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/enginejobs/docker/errdefs"
)

// A Dockerfile costs a hundred times its size in memory while it is read.
const (
	MaxSize         = 2 << 20 // bytes
	MaxInstructions = 10_000
)

// Options say how to read.
type Options struct {
	Name    string // of the file, for messages; empty: Dockerfile
	Classic bool   // texts of steps and faults as clients before API 1.25 know them
}

// File is a Dockerfile.
type File struct {
	Meta     []*instructions.ArgCommand // before the first FROM
	MetaText []string                   // Meta as it is shown
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
	Line     int    // from 1
	Steps    []Step
}

// Step is one instruction.
type Step struct {
	Command instructions.Command
	Text    string // as it is shown after "Step 1/2 : "
	Line    int    // from 1; 0 for what is not in the file
}

// Parse reads a Dockerfile. Errors are InvalidArgument and name the line.
func Parse(text []byte, opt Options) (*File, error) {
	if opt.Name == "" {
		opt.Name = "Dockerfile"
	}
	if err := readable(text, opt); err != nil {
		return nil, err
	}
	ast, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		if !instructed(text) {
			return nil, empty(opt)
		}
		return nil, parseError(err, 0, opt)
	}
	f := &File{Escape: ast.EscapeToken}
	for _, w := range ast.Warnings {
		f.Warnings = append(f.Warnings, w.Short)
	}
	if syntax, _, _, ok := parser.DetectSyntax(text); ok && !usualSyntax(syntax) {
		f.Warnings = append(f.Warnings, "the frontend "+syntax+" of the line \"# syntax=\" is not used: this engine reads the file itself")
	}
	for i, n := range ast.AST.Children {
		if i == MaxInstructions {
			return nil, at(n.StartLine, "the Dockerfile (%s) has more than the %d instructions that are read", opt.Name, MaxInstructions)
		}
		if err := f.add(n, opt); err != nil {
			return nil, parseError(err, n.StartLine, opt)
		}
	}
	if len(f.Stages) == 0 {
		return nil, errdefs.InvalidArgument("no build stage in current context: the Dockerfile (%s) has no FROM", opt.Name)
	}
	return f, nil
}

// usualSyntax tells whether a frontend is Docker's, whose language this is.
func usualSyntax(image string) bool {
	image = strings.TrimPrefix(image, "docker.io/")
	name, _, _ := strings.Cut(image, "@")
	name, _, _ = strings.Cut(name, ":")
	return name == "docker/dockerfile" || name == "docker/dockerfile-upstream"
}

// add takes an instruction.
func (f *File) add(n *parser.Node, opt Options) error {
	parsed, err := instructions.ParseInstruction(n)
	if err != nil {
		return err
	}
	text := stepText(n, opt.Classic)
	if c, ok := parsed.(*instructions.Stage); ok {
		f.addStage(c, n.StartLine, text)
		return nil
	}
	cmd, ok := parsed.(instructions.Command)
	if !ok {
		return errdefs.InvalidArgument("%s is not an instruction of a build", n.Value)
	}
	if len(f.Stages) == 0 {
		arg, ok := cmd.(*instructions.ArgCommand)
		if !ok {
			return errdefs.InvalidArgument("no build stage in current context: %s stands before the first FROM", strings.ToUpper(n.Value))
		}
		f.Meta, f.MetaText = append(f.Meta, arg), append(f.MetaText, text)
		return nil
	}
	s := f.Stages[len(f.Stages)-1]
	s.Steps = append(s.Steps, Step{Command: cmd, Text: text, Line: n.StartLine})
	return nil
}

func (f *File) addStage(c *instructions.Stage, line int, text string) {
	if c.Name != "" {
		if i, ok := f.stage(c.Name, len(f.Stages)); ok {
			f.Warnings = append(f.Warnings, "the name "+c.Name+" of a stage is taken twice: what follows means the later one, line "+itoa(line)+
				", not line "+itoa(f.Stages[i].Line))
		}
	}
	f.Stages = append(f.Stages, &Stage{
		Index: len(f.Stages), Name: c.Name, Base: c.BaseName, Platform: c.Platform, Text: text, Line: line,
	})
}

// stepText is an instruction as the lines of steps show it: as it stands in the
// file with its lines joined; for the first clients, its name in capitals and its
// words as they were understood, with one blank between them.
func stepText(n *parser.Node, classic bool) string {
	if !classic {
		return strings.TrimSpace(n.Original)
	}
	words := append([]string{strings.ToUpper(n.Value)}, n.Flags...)
	at := n.Next
	if strings.EqualFold(n.Value, "onbuild") && at != nil && len(at.Children) > 0 {
		n = at.Children[0]
		words = append(append(words, n.Value), n.Flags...)
		at = n.Next
	}
	name := strings.ToUpper(n.Value)
	for i := 0; at != nil; i, at = i+1, at.Next {
		if separator := i%3 == 2; separator && (name == "ENV" || name == "LABEL") {
			continue
		}
		words = append(words, at.Value)
	}
	return strings.TrimRight(strings.Join(words, " "), " ")
}
