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

// scriptDir is where the script of a RUN is to be found that names its program.
const scriptDir = "/dev/pipes"

// Script is a file that a RUN needs while it runs, and that is no part of the image.
type Script struct {
	Path string // in the container
	Data string // to be readable by anybody, mode 0755
}

// RunLine is what a RUN runs. A single heredoc is the script of the shell of the
// image, or of the program that its first line names with "#!": as the kernel would
// have it, but for that the script may lie on a mount without execution. Other
// heredocs are left to the shell.
func RunLine(cfg *runconfig.Config, c *instructions.RunCommand) (runconfig.Strings, *Script) {
	line := c.ShellDependantCmdLine
	if len(line.Files) == 0 || !line.PrependShell {
		return CommandLine(cfg, line), nil
	}
	text := strings.Join(line.CmdLine, " ")
	if parser.MustParseHeredoc(text) == nil { // more than that one word: a command with heredocs
		var full strings.Builder
		full.WriteString(text)
		for _, f := range line.Files {
			full.WriteString("\n" + f.Data + f.Name)
		}
		return append(Shell(cfg), full.String()), nil
	}
	data := line.Files[0].Data
	if line.Files[0].Chomp {
		data = parser.ChompHeredocContent(data)
	}
	argv := program(data)
	if argv == nil {
		return append(Shell(cfg), data), nil
	}
	file := path.Join(scriptDir, path.Base("/"+line.Files[0].Name))
	return append(argv, file), &Script{Path: file, Data: data}
}

// program reads "#!interpreter [argument]" as execve(2) does: all that follows the
// interpreter is one argument.
func program(script string) []string {
	line, _, _ := strings.Cut(script, "\n")
	line, ok := strings.CutPrefix(line, "#!")
	name, argument, _ := strings.Cut(strings.Trim(strings.ReplaceAll(line, "\t", " "), " \r"), " ")
	if !ok || name == "" {
		return nil
	}
	argv := []string{name}
	if argument = strings.Trim(argument, " "); argument != "" {
		argv = append(argv, argument)
	}
	return argv
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
