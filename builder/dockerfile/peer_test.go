package dockerfile_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/runconfig"
)

// outcome is what a build tells: without containers, but with all that is
// decided before one runs.
type outcome struct {
	steps   []string
	history []string
	config  *runconfig.Config
	author  string
}

// question is a Dockerfile and how it is built.
type question struct {
	text    []byte
	opt     dockerfile.ResolveOptions
	answers map[string]string
}

func readQuestion(t *testing.T, file string) question {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	q := question{opt: dockerfile.ResolveOptions{BuildArgs: map[string]*string{}, Host: "linux/amd64"}, answers: map[string]string{}}
	for _, f := range a.Files {
		q.answers[f.Name] = string(f.Data)
	}
	q.text = []byte(q.answers["Dockerfile"])
	for _, arg := range strings.Fields(q.answers["args"]) {
		k, v, _ := strings.Cut(arg, "=")
		if k == "--target" {
			q.opt.Target = v
			continue
		}
		q.opt.BuildArgs[k] = &v
	}
	return q
}

// build does what the builder does with a Dockerfile, without its containers.
func build(q question) (*outcome, error) {
	file, err := dockerfile.Parse(q.text, dockerfile.Options{})
	if err != nil {
		return nil, err
	}
	graph, err := file.Resolve(q.opt)
	if err != nil {
		return nil, err
	}
	args := dockerfile.NewArgs(q.opt.BuildArgs, q.opt.Platform, q.opt.Host)
	if err := args.AddMeta(file.Meta, file.Escape); err != nil {
		return nil, err
	}
	var steps []string
	step := func(text string) {
		steps = append(steps, fmt.Sprintf("Step %d/%d : %s", len(steps)+1, graph.Steps, text))
	}
	for _, text := range file.MetaText {
		step(text)
	}
	made := map[*dockerfile.Node]*outcome{}
	for _, n := range graph.Nodes {
		if n.First != len(steps) {
			return nil, fmt.Errorf("stage %d begins with step %d, not %d", n.Index, n.First, len(steps))
		}
		step(n.Text)
		o := &outcome{config: &runconfig.Config{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}}
		if n.Parent != nil {
			c := *made[n.Parent].config
			o.config, o.history, o.author = &c, slices.Clone(made[n.Parent].history), made[n.Parent].author
		}
		if err := o.stage(n, args, file.Escape, step); err != nil {
			return nil, err
		}
		made[n] = o
	}
	o := made[graph.Target]
	o.steps = steps
	if unused := args.Unused(); len(unused) > 0 {
		o.steps = append(o.steps, fmt.Sprintf("[Warning] One or more build-args %v were not consumed", unused))
	}
	return o, nil
}

func (o *outcome) stage(n *dockerfile.Node, args *dockerfile.Args, escape rune, tell func(string)) error {
	stand := dockerfile.Stand{Config: o.config, Author: o.author, Args: args.Stage()}
	triggers := o.config.OnBuild
	o.config.OnBuild = nil
	for _, text := range triggers {
		s, err := dockerfile.Trigger(text, escape)
		if err != nil {
			return err
		}
		if err := o.perform(&stand, s.Command, escape); err != nil {
			return err
		}
	}
	for _, s := range n.Steps {
		tell(s.Text)
		if err := o.perform(&stand, s.Command, escape); err != nil {
			return err
		}
	}
	o.author = stand.Author
	args.Join(stand.Args)
	return nil
}

func (o *outcome) perform(stand *dockerfile.Stand, cmd instructions.Command, escape rune) error {
	cmd = dockerfile.Clone(cmd)
	if err := dockerfile.Expand(cmd, stand.Args.Env(o.config.Env), escape); err != nil {
		return err
	}
	shell := strings.Join(dockerfile.Shell(o.config), " ")
	switch c := cmd.(type) {
	case *instructions.RunCommand:
		words := stand.Args.Record(o.config.Env, dockerfile.CommandLine(o.config, c.ShellDependantCmdLine))
		o.history = append(o.history, strings.Join(words, " "))
		return nil
	case *instructions.WorkdirCommand:
		dir, err := dockerfile.Workdir(o.config.WorkingDir, c.Path)
		if err != nil {
			return err
		}
		o.config.WorkingDir = dir
		o.history = append(o.history, shell+" #(nop) WORKDIR "+dir)
		return nil
	}
	text, ok, err := dockerfile.Apply(stand, cmd)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s is more than a change of the configuration", cmd.Name())
	}
	// SHELL is told by the shell that it sets.
	o.history = append(o.history, strings.Join(dockerfile.Shell(o.config), " ")+" #(nop)  "+text)
	return nil
}

// TestPeer compares with what dockerd 20.10 makes of the same Dockerfiles: the
// lines of the steps, the history, the configuration (testdata/record.sh).
func TestPeer(t *testing.T) {
	files, err := filepath.Glob("testdata/peer/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no records:", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			q := readQuestion(t, file)
			got, err := build(q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines(q.answers["steps"]), got.steps); diff != "" {
				t.Errorf("steps (-dockerd +ours):\n%s", diff)
			}
			var history []string
			for _, l := range lines(q.answers["history"]) {
				var text string
				if err := json.Unmarshal([]byte(l), &text); err != nil {
					t.Fatal(err)
				}
				history = append(history, text)
			}
			if diff := cmp.Diff(history, got.history); diff != "" {
				t.Errorf("history (-dockerd +ours):\n%s", diff)
			}
			if diff := cmp.Diff(decode(t, q.answers["config"]), decode(t, got.document(t))); diff != "" {
				t.Errorf("configuration (-dockerd +ours):\n%s", diff)
			}
		})
	}
}

// document is what record.sh keeps of an image.
func (o *outcome) document(t *testing.T) string {
	t.Helper()
	raw, err := json.Marshal(o.config)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	kept := map[string]json.RawMessage{}
	for _, key := range strings.Fields("Env Cmd Entrypoint Labels ExposedPorts Volumes User WorkingDir StopSignal Healthcheck Shell OnBuild") {
		kept[key] = all[key]
	}
	raw, err = json.Marshal(map[string]any{"Author": o.author, "Config": kept})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func decode(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// lines are those that this package decides: dockerd also tells of triggers and
// of health checks that are replaced.
func lines(text string) []string {
	var list []string
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\n")
		if l == "" || strings.HasPrefix(l, "# Executing") || strings.HasPrefix(l, "Note: ") {
			continue
		}
		list = append(list, l)
	}
	return list
}

// TestPeer_Faults compares the sentences about faults. Those that BuildKit's
// present parser has bettered are in the file as "ours".
func TestPeer_Faults(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no records:", err)
	}
	prefix := regexp.MustCompile(`^(Error response from daemon: |failed to process )`)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			q := readQuestion(t, file)
			want, ours := q.answers["ours"]
			if !ours {
				want = prefix.ReplaceAllString(q.answers["error"], "")
			}
			want = strings.TrimSpace(want)
			_, err := build(q)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestPeer_Recorded guards against records of a daemon that did not answer.
func TestPeer_Recorded(t *testing.T) {
	files, err := filepath.Glob("testdata/peer/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\n-- config --\n") {
			t.Errorf("%s has no configuration", file)
		}
	}
}
