package dockerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/enginejobs/docker/runconfig"
)

// Shell is that of the image, or the usual one.
func Shell(cfg *runconfig.Config) []string {
	if len(cfg.Shell) > 0 {
		return slices.Clone([]string(cfg.Shell))
	}
	return []string{"/bin/sh", "-c"}
}

// CommandLine is what runs: the exec form, or the shell form in the shell of the
// image.
func CommandLine(cfg *runconfig.Config, line instructions.ShellDependantCmdLine) runconfig.Strings {
	if line.PrependShell && line.CmdLine != nil {
		return append(Shell(cfg), line.CmdLine...)
	}
	return slices.Clone(line.CmdLine)
}

// ScriptDir is where the script of a RUN is to be found that names its program.
const ScriptDir = "/dev/pipes"

// RunLine is what a RUN runs. A single heredoc is the script of the shell of the
// image, or, when it begins with "#!", a program: script is to be put, with mode
// 0755, where argv names it, and to be no part of the image. Other heredocs are
// left to the shell.
func RunLine(cfg *runconfig.Config, c *instructions.RunCommand) (argv runconfig.Strings, script *instructions.ShellInlineFile) {
	line := c.ShellDependantCmdLine
	if len(line.Files) == 0 || !line.PrependShell {
		return CommandLine(cfg, line), nil
	}
	text := strings.Join(line.CmdLine, " ")
	first := line.Files[0]
	if parser.MustParseHeredoc(text) == nil { // more than one word: a command with heredocs
		var full strings.Builder
		full.WriteString(text)
		for _, f := range line.Files {
			full.WriteString("\n" + f.Data + f.Name)
		}
		return append(Shell(cfg), full.String()), nil
	}
	if first.Chomp {
		first.Data = parser.ChompHeredocContent(first.Data)
	}
	if strings.HasPrefix(first.Data, "#!") {
		first.Name = path.Base("/" + first.Name)
		return runconfig.Strings{path.Join(ScriptDir, first.Name)}, &first
	}
	return append(Shell(cfg), first.Data), nil
}

// cmd: an empty list is one, and counts as no command of this stage.
func (s *Stand) cmd(c *instructions.CmdCommand) string {
	cmd := CommandLine(s.Config, c.ShellDependantCmdLine)
	s.Config.Cmd = cmd
	s.Config.ArgsEscaped = false
	s.CmdSet = s.CmdSet || len(c.CmdLine) > 0
	return fmt.Sprintf("CMD %q", []string(cmd))
}

// entrypoint: an empty list is none at all.
func (s *Stand) entrypoint(c *instructions.EntrypointCommand) string {
	entrypoint := CommandLine(s.Config, c.ShellDependantCmdLine)
	s.Config.Entrypoint = entrypoint
	s.Config.ArgsEscaped = false
	if !s.CmdSet {
		s.Config.Cmd = nil
	}
	return fmt.Sprintf("ENTRYPOINT %q", []string(entrypoint))
}
