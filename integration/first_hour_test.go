package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestFirstHour types the commands of docs/first-hour.md and compares what they
// print. The page's blocks "console" are commands ("$ ") and what they print, with
// … for anything and [N] for an exit code; its blocks "sh" are what the page does
// to the daemon, which the test does in its own way.
func TestFirstHour(t *testing.T) {
	daemonproc.Require(t)
	d := daemonproc.Start(t, daemonproc.Options{NoImage: true})
	work := t.TempDir()
	env := append(d.Environ(), "PATH="+filepath.Dir(d.Bin)+":"+os.Getenv("PATH"), "LC_ALL=C",
		"BUSYBOX="+daemonproc.MustAsset(t, "busybox"))
	commands := 0
	for _, b := range readPage(t, "../docs/first-hour.md") {
		if b.command == "" {
			toTheDaemon(t, d, b.text)
			continue
		}
		commands++
		cmd := exec.CommandContext(t.Context(), "sh", "-c", b.command)
		cmd.Dir, cmd.Env = work, env
		out, err := cmd.CombinedOutput()
		said := strings.TrimRight(string(out), "\n")
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			said = strings.TrimLeft(fmt.Sprintf("%s\n[%d]", said, failed.ExitCode()), "\n")
		} else if err != nil {
			t.Fatal(err)
		}
		if !matches(b.text, said) {
			t.Errorf("line %d: %s\nsays:\n%s\nthe page says:\n%s", b.line, b.command, said, b.text)
		}
	}
	if commands < 30 {
		t.Errorf("the page has %d commands only", commands)
	}
}

// toTheDaemon does what a block of the page does.
func toTheDaemon(t *testing.T, d *daemonproc.Daemon, block string) {
	t.Helper()
	if strings.Contains(block, "kill -9") {
		if err := errors.Join(d.Kill9(), d.Start()); err != nil {
			t.Fatal(err)
		}
	}
}

// block is a command of a page with what it prints, or a block of "sh".
type block struct {
	line          int
	command, text string
}

func readPage(t *testing.T, file string) (list []block) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kind := ""
	for n, line := range strings.Split(string(text), "\n") {
		command, typed := strings.CutPrefix(line, "$ ")
		last := len(list) - 1
		switch fence, ok := strings.CutPrefix(line, "```"); {
		case ok:
			kind = fence
			if kind == "sh" {
				list = append(list, block{line: n + 1})
			}
		case kind == "":
		case kind == "console" && typed:
			list = append(list, block{line: n + 1, command: command})
		case list[last].text == "":
			list[last].text = line
		default:
			list[last].text += "\n" + line
		}
	}
	return list
}

// matches compares what is printed with the text of the page; … is anything.
func matches(page, said string) bool {
	var parts []string
	for part := range strings.SplitSeq(page, "…") {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `$`).MatchString(said)
}
