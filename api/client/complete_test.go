package client

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/pkg/mflag"
)

// completed asks for the words that may end a line; a blank at its end begins a
// new word.
func completed(t *testing.T, d *fakeDaemon, line string) string {
	t.Helper()
	var out lockedBuffer
	cli := newTestCLI(d, Streams{Out: &out, Err: io.Discard})
	if code := cli.report(cli.dispatch(t.Context(), append([]string{completeWord}, strings.Split(line, " ")...))); code != 0 {
		t.Errorf("%q: status %d", line, code)
	}
	var words []string
	for l := range strings.Lines(out.String()) {
		word, _, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestComplete(t *testing.T) {
	d := newFake(t)
	reply := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	d.routes["GET /containers/json"] = reply(`[{"Names":["/web","/app/db"],"State":"running"},{"Names":["/done"],"State":"exited"},{"Names":["/held"],"State":"paused"}]`)
	d.routes["GET /images/json"] = reply(`[{"Id":"sha256:1234","RepoTags":["busybox:latest","reg:5000/a/b:1"]},{"RepoTags":["<none>:<none>"]}]`)
	d.routes["GET /networks"] = reply(`[{"Name":"bridge"},{"Name":"front"}]`)
	d.routes["GET /volumes"] = reply(`{"Volumes":[{"Name":"data"}]}`)
	for line, want := range map[string]string{
		"co":                      "container commit completion context",
		"container i":             "inspect",
		"volume ":                 "create inspect list ls prune remove rm",
		"help vol":                "volume",
		"help volume c":           "create",
		"--log-level d":           "debug",
		"--log-level=d":           "--log-level=debug",
		"--tls ps --l":            "--last --latest",
		"stop ":                   "web",
		"container stop ":         "web",
		"start ":                  "done",
		"unpause ":                "held",
		"rm -f ":                  "done held web",
		"rm web ":                 "done held",
		"logs web ":               "",
		"run ":                    "busybox busybox:latest reg:5000/a/b:1",
		"run -it --rm reg:5000/a": "reg:5000/a/b:1",
		"run busybox --":          ":files",
		"run --restart al":        "always",
		"run --network=f":         "--network=front",
		"run --volumes-from w":    "web",
		"run -itv ":               ":files",
		"exec web ":               ":files",
		"cp d":                    "done: :files",
		"network connect ":        "bridge front",
		"network connect front w": "web",
		"volume rm ":              "data",
		"context use ":            "default",
		"completion ":             "bash zsh fish",
		"nonsense ":               "",
		"ps -- ":                  "",
		"-- versio":               "version",
	} {
		sorted := func(text string) []string { return slices.Sorted(slices.Values(strings.Fields(text))) }
		if got := completed(t, d, line); !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("%q gave %q, want %q", line, got, want)
		}
	}
	if got := completed(t, d, ""); !strings.Contains(got, "run") || strings.Contains(got, completeWord) || strings.Contains(got, "dial") {
		t.Errorf("the first word: %q", got)
	}
	if got := completed(t, nil, "run "); got != "" {
		t.Errorf("without a daemon: %q", got)
	}
}

// Every name of a command may be completed, and no argument of one breaks it.
func TestCompleteEveryCommand(t *testing.T) {
	for _, c := range commands() {
		if c.Hidden {
			continue
		}
		for _, name := range append([]string{c.Name}, c.Also...) {
			if name == "" {
				continue
			}
			if got := strings.Fields(completed(t, nil, name)); !slices.Contains(got, name[strings.LastIndexByte(name, ' ')+1:]) {
				t.Errorf("%q gave %q", name, got)
			}
			completed(t, nil, name+" ")
			completed(t, nil, name+" a ")
			if got := completed(t, nil, name+" --hel"); c.New != nil && !strings.Contains(got, "--help") {
				t.Errorf("%s --hel gave %q", name, got)
			}
		}
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		r := docker(t, nil, "", "completion "+shell)
		if r.code != 0 || !strings.Contains(r.out, "docker __complete ") {
			t.Errorf("%s: %+v", shell, r)
		}
		program, err := exec.LookPath(shell)
		if err != nil {
			continue // its script was read by zsh 5.9 and fish 3.6
		}
		script := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(script, []byte(r.out), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), program, "-n", script).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s reads its script: %v\n%s", shell, err, out)
		}
	}
	docker(t, nil, "", "completion csh").want(t, 1, "", "no completion for \"csh\": it is bash, zsh or fish\n")
}

// FuzzCommandLine: whatever is typed, finished or not, is parsed without a panic.
// Nothing is run, for commands write files; nothing is dialled, for ctx is over.
func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{"", "-- ", "run -it --rm -v /a:/b busybox sh -c x", "-H tcp://x:1 ps -aq --format {{.ID}}", "container ls -f a=b", "PS -n 3",
		"run -p80:80 -e A=b --memory 1g x", "network create --subnet 10.0.0.0/8 x", "help job run", "build -t a:b --build-arg=A .",
		"-itv --", "job run a b=c -- d", "cp a:b -", "exec -u 0:0 -w / a b", "update --memory=-1 a", "--context \xff use", "login -u=\"x\""} {
		f.Add(line)
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	f.Fuzz(func(_ *testing.T, line string) {
		words := strings.Split(line, " ")
		env := func(key string) (string, bool) { return "/nonexistent", key == "HOME" }
		cli := &CLI{Streams: Streams{Out: io.Discard, Err: io.Discard}, env: env, now: time.Now, notify: notifySignals}
		cli.jobs = cli.dialJobs
		_ = cli.complete(over, words)
		_, _ = WantsDaemon(words, env)
		_, global := newGlobals(env)
		_ = cli.report(cli.refuse(global, words))
	})
}

// refuse does all that comes before a command is run.
func (cli *CLI) refuse(global *mflag.Set, words []string) error {
	if err := global.Parse(words); err != nil {
		return &flagError{err: err, flags: global.Names()}
	}
	words = global.Args()
	if len(words) == 0 {
		return cli.printUsage(global)
	}
	cmd, name, rest := findCommand(words)
	if cmd == nil {
		return unknownCommand(words[0])
	}
	set := &mflag.Set{Interspersed: !cmd.Stop, Warn: cli.Err}
	_ = cmd.New(cli, set)
	if err := set.Parse(rest); err != nil {
		return &flagError{command: name, err: err, flags: set.Names()}
	}
	if err := cmd.Count.check(len(set.Args())); err != nil {
		return err
	}
	_ = checkVersion(cmd, name, set, "1.12")
	return checkPossible(cmd, set)
}
