package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/registry/registrytest"
)

// typists are the clients that type the transcripts: that of today and the one
// that Debian packages with the ancestor's daemon.
var typists = [...]struct{ name, program string }{
	{name: "28.2"}, // the bundle "client"
	{name: "20.10", program: "/usr/bin/docker"},
}

// TestOfficialTranscripts types testdata/official/*.txt with two official clients
// and compares what they print, on both streams, and their exit codes, with what
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
//	% 20.10: its answer by the second client follows, if it is another one,
//	  and our reason and lines as above
//
// hack/make.sh compare records anew what the ancestor answers.
func TestOfficialTranscripts(t *testing.T) {
	daemonproc.Require(t)
	for _, file := range transcripts(t) {
		steps := readTranscript(t, file)
		for client, typist := range typists {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+typist.name, func(t *testing.T) {
				t.Parallel()
				d := daemonproc.Start(t, daemonproc.Options{})
				replayTranscript(t, steps, client, newTypist(t, d.Host, typist.program))
			})
		}
	}
}

// transcripts are the files.
func transcripts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/official/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	return files
}

func readTranscript(t *testing.T, file string) []*step {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := parseTranscript(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return steps
}

// step is one line of a transcript with what belongs to it.
type step struct {
	text    string // as written: a comment, a heading, or a command
	command string // "" for the others
	said    [len(typists)]said
	second  bool // the second client has answers of its own
}

// said is what the ancestor answers one client, and what we do.
type said struct {
	answer []string
	why    string   // the line that explains a difference
	ours   []string // with why
}

// of is what a client is answered.
func (s *step) of(client int) *said {
	if !s.second {
		client = 0
	}
	return &s.said[client]
}

func (s *step) last() *said { return s.of(len(typists) - 1) }

const secondMark = "% 20.10:"

func parseTranscript(text string) ([]*step, error) {
	var steps []*step
	for n, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		command, typed := strings.CutPrefix(line, "$ ")
		last := len(steps) - 1
		switch {
		case typed, line == "", strings.HasPrefix(line, "#"):
			steps = append(steps, &step{text: line, command: command[:len(command)*btoi(typed)]})
			continue
		case last < 0 || steps[last].command == "":
			return nil, fmt.Errorf("line %d answers no command: %s", n+1, line)
		case line == secondMark:
			steps[last].second = true
			continue
		}
		switch a := steps[last].last(); {
		case strings.HasPrefix(line, "~ "):
			a.why = line
		case a.why != "":
			a.ours = append(a.ours, strings.TrimPrefix(line, "  "))
		default:
			a.answer = append(a.answer, strings.TrimPrefix(line, "  "))
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

// newTypist types with a program, or with the official CLI of today if it is empty.
func newTypist(t *testing.T, host, program string) *typist {
	t.Helper()
	if program == "" {
		program = daemonproc.MustAsset(t, "client")
	}
	if _, err := os.Stat(program); err != nil {
		t.Skipf("%v: no such client (package docker.io; hack/make.sh deps installs it)", err)
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(filepath.Join(dir, "work"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(bin, "docker")); err != nil {
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
		{`time="[^"]*" level=error msg="(Can't|error waiting for container: context canceled)[^\n]*`, ""}, // the client's own complaints, if it is quick enough
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
func replayTranscript(t *testing.T, steps []*step, client int, p *typist) {
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
		a := s.of(client)
		want := a.answer
		if a.why != "" {
			want = a.ours
			if slices.Equal(a.ours, a.answer) {
				t.Errorf("%s\n$ %s\nthere is no difference for which %q is the reason", operation, s.command, a.why)
			}
		}
		if got := p.answer(t, s.command); !slices.Equal(got, want) {
			t.Errorf("%s\n$ %s\n  %s\nwant\n  %s", operation, s.command, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
}
