package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/registry/registrytest"
)

// TestOfficialTranscripts types testdata/official/*.txt with the official CLI
// and compares what it prints, on both streams, and its exit codes, with what
// the ancestor's daemon (20.10) was recorded to answer. Where we differ on
// purpose the file says why, and has our answer too.
//
// A transcript has these lines:
//
//	# a comment
//	## operation | what is compared
//	$ a command, for sh
//	  a line of stdout; "! " begins one of stderr, "[3]" is the exit code
//	~ why we answer differently; our own lines follow
//
// With ENGINEJOBS_RECORD=unix:///PATH the commands are typed to that daemon
// instead and its answers are written into the files.
func TestOfficialTranscripts(t *testing.T) {
	peer := os.Getenv("ENGINEJOBS_RECORD")
	if peer == "" {
		daemonproc.Require(t)
	}
	files, err := filepath.Glob("testdata/official/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines, err := parseTranscript(string(text))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if peer != "" {
				record(t, file, lines, peer)
				return
			}
			d := daemonproc.Start(t, daemonproc.Options{})
			replayTranscript(t, lines, newTypist(t, d.Host))
		})
	}
}

// step is one line of a transcript with what belongs to it.
type step struct {
	text    string // as written: a comment, a heading, or a command
	command string // "" for the others
	answer  []string
	why     string   // the line that explains a difference
	ours    []string // with why
}

func parseTranscript(text string) ([]*step, error) {
	var steps []*step
	for n, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		command, typed := strings.CutPrefix(line, "$ ")
		last := len(steps) - 1
		switch {
		case typed, line == "", strings.HasPrefix(line, "#"):
			steps = append(steps, &step{text: line, command: command[:len(command)*btoi(typed)]})
		case last < 0 || steps[last].command == "":
			return nil, fmt.Errorf("line %d answers no command: %s", n+1, line)
		case strings.HasPrefix(line, "~ "):
			steps[last].why = line
		case steps[last].why != "":
			steps[last].ours = append(steps[last].ours, strings.TrimPrefix(line, "  "))
		default:
			steps[last].answer = append(steps[last].answer, strings.TrimPrefix(line, "  "))
		}
	}
	return steps, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// typist types commands in a directory of its own.
type typist struct {
	dir, host, path string
	registry        string // HOST:PORT of an empty registry, in $REGISTRY
}

func newTypist(t *testing.T, host string) *typist {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(filepath.Join(dir, "work"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(daemonproc.MustAsset(t, "client"), filepath.Join(bin, "docker")); err != nil {
		t.Fatal(err)
	}
	registry := registrytest.New(t, registrytest.Options{})
	return &typist{dir: dir, host: host, path: bin + ":" + os.Getenv("PATH"), registry: registry.Host()}
}

// answer runs a command and gives what it says, without what differs each time.
func (p *typist) answer(t *testing.T, command string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = filepath.Join(p.dir, "work")
	// One version for both daemons: the newest that the ancestor speaks.
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+p.host, "DOCKER_API_VERSION=1.41", "HOME="+p.dir, "PATH="+p.path, "LC_ALL=C",
		"REGISTRY="+p.registry)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatalf("%s: %v", command, err)
	}
	named := func(text string) string { return strings.ReplaceAll(text, p.registry, "<registry>") }
	lines := tidy(named(stdout.String()), p.dir, "")
	lines = append(lines, tidy(named(stderr.String()), p.dir, "! ")...)
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		lines = append(lines, fmt.Sprintf("[%d]", code))
	}
	return lines
}

// tidy splits output into lines and replaces what is never the same twice.
func tidy(text, dir, prefix string) []string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), dir, "<dir>")
	for _, r := range []struct{ pattern, to string }{
		{`DEPRECATED: The legacy builder [^\n]*\n[^\n]*\n[^\n]*\n`, ""}, // the opinion of the client
		{`sha256:[0-9a-f]{64}`, "sha256:<id>"},
		{`\b[0-9a-f]{64}\b`, "<id>"},
		{`\b[0-9a-f]{12}\b`, "<short id>"},
		{`\d{4}-\d\d-\d\dT[0-9:.]+Z`, "<time>"},
		{`(About an? |Less than a )?(\d+ )?(second|minute)s? ago`, "<ago>"},
		{` +`, " "},
		{`time="[^"]*" level=error msg="Can't [^\n]*`, ""}, // the client's own complaint, if it is quick enough
		{`container [a-z]+_[a-z]+:`, "container <name>:"},
		{`Up ((Less than|About) an? )?(\d+ )?(second|minute)s?`, "Up <a while>"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.to)
	}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimRight(line, " "); line != "" {
			lines = append(lines, prefix+line)
		}
	}
	return lines
}

// replayTranscript types every command and lists the operations that were compared.
func replayTranscript(t *testing.T, steps []*step, p *typist) {
	t.Helper()
	operation := ""
	for _, s := range steps {
		if heading, ok := strings.CutPrefix(s.text, "## "); ok {
			operation = heading
			t.Logf("compared: %s", heading)
		}
		if s.command == "" {
			continue
		}
		want := s.answer
		if s.why != "" {
			want = s.ours
		}
		if got := p.answer(t, s.command); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s\n$ %s\n  %s\nwant\n  %s", operation, s.command, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

// record writes what a peer answers into the transcript.
func record(t *testing.T, file string, steps []*step, host string) {
	t.Helper()
	p := newTypist(t, host)
	var out strings.Builder
	for _, s := range steps {
		out.WriteString(s.text + "\n")
		if s.command == "" {
			continue
		}
		for _, line := range p.answer(t, s.command) {
			out.WriteString("  " + line + "\n")
		}
		if s.why != "" {
			out.WriteString(s.why + "\n")
		}
		for _, line := range s.ours {
			out.WriteString("  " + line + "\n")
		}
	}
	if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
