package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// fakeJobs is an engine in the place of the daemon's.
type fakeJobs struct{ *engine.Engine }

func (fakeJobs) Close() error { return nil }

// newFakeJobs makes an engine that has none of its own jobs but job_list, which
// describes what the test declares.
func newFakeJobs(t testing.TB, list ...engine.Declaration) *engine.Engine {
	t.Helper()
	eng := engine.NewEmpty()
	for _, d := range list {
		if err := eng.Declare(d); err != nil {
			t.Fatal(err)
		}
	}
	register(t, eng, "job_list", func(job *engine.Job) error {
		all := []engine.JobDescription{}
		for _, name := range job.Args {
			d, ok := eng.Describe(name)
			if !ok {
				return errdefs.NotFound("no such job: %s", name)
			}
			all = append(all, d)
		}
		for _, name := range eng.Commands() {
			if d, _ := eng.Describe(name); len(job.Args) == 0 && name != "job_list" {
				all = append(all, d)
			}
		}
		return job.WriteJSON(all)
	})
	return eng
}

func register(t testing.TB, eng *engine.Engine, name string, h engine.Handler) {
	t.Helper()
	if err := eng.Register(name, h); err != nil {
		t.Fatal(err)
	}
}

// dockerJob runs a command line whose jobs go to eng.
func dockerJob(t testing.TB, eng *engine.Engine, stdin io.Reader, words ...string) result {
	t.Helper()
	var out, errOut lockedBuffer
	cli := newJobCLI(eng, Streams{In: stdin, Out: &out, Err: &errOut})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	code := cli.report(cli.dispatch(ctx, append([]string{"job"}, words...)))
	return result{code, out.String(), errOut.String()}
}

func newJobCLI(eng *engine.Engine, s Streams) *CLI {
	cli := newTestCLI(nil, s)
	cli.jobs = func(context.Context) (jobEngine, error) { return fakeJobs{eng}, nil }
	return cli
}

func TestSplitWords(t *testing.T) {
	for line, want := range map[string]string{
		"":                         "[] []",
		"all=1":                    "[{all 1}] []",
		"all=1 x b=2":              "[{all 1}] [x b=2]",
		"a=1 b= c==d web follow=1": "[{a 1} {b } {c =d}] [web follow=1]",
		"-- a=1":                   "[] [a=1]",
		"a=1 -- b=2 -- c=3":        "[{a 1}] [b=2 -- c=3]",
		"- busybox":                "[] [- busybox]",
		"_x9=1 9x=1":               "[{_x9 1}] [9x=1]",
		"http://h/?a=1 b=2":        "[] [http://h/?a=1 b=2]",
		"=x":                       "[] [=x]",
		"ä=1":                      "[] [ä=1]",
		"--all=1":                  "[] [--all=1]",
	} {
		env, args := splitWords(strings.Fields(line))
		if got := fmt.Sprint(env, " ", args); got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

// echoJob shows what it was given.
func echoJob(job *engine.Job) error {
	in, err := io.ReadAll(job.Stdin)
	if err != nil {
		return err
	}
	job.Printf("args %q env %v in %q\n", job.Args, job.Environ(), in)
	job.Warnf("a warning")
	return nil
}

func TestJobRun(t *testing.T) {
	t.Setenv("HOME", "/home/u")
	eng := newFakeJobs(t,
		engine.Declaration{Name: "containers", Summary: "List.", Env: []engine.Key{{Name: "all", Type: engine.Bool}},
			Stdout: engine.JSONDocument, Handler: echoJob},
		engine.Declaration{Name: "cat", Stdin: engine.Bytes, Args: []engine.Arg{{Name: "ARG", Variadic: true, Optional: true}}, AnyEnv: true, Handler: echoJob},
		engine.Declaration{Name: "fail", Handler: func(job *engine.Job) error {
			job.Printf("half")
			return errdefs.NotFound("no such container: web")
		}},
		engine.Declaration{Name: "logs", Args: []engine.Arg{{Name: "CONTAINER"}}, Env: []engine.Key{{Name: "follow", Type: engine.Bool}}, Handler: echoJob},
		engine.Declaration{Name: "slow", Handler: func(job *engine.Job) error {
			<-job.Context().Done()
			return context.Cause(job.Context())
		}},
	)
	register(t, eng, "bare", echoJob)
	const note = "Error response from daemon: "
	tests := []struct {
		line     string
		code     int
		out, err string
	}{
		{"containers all=1", 0, "args [] env map[all:1] in \"\"\n", "a warning\n"},
		{"-e all=1 containers", 0, "args [] env map[all:1] in \"\"\n", "a warning\n"},
		{"-e all=1 containers all=0", 0, "args [] env map[all:0] in \"\"\n", "a warning\n"},
		{"cat a=1 x b=2", 0, "args [\"x\" \"b=2\"] env map[a:1] in \"input\"\n", "a warning\n"},
		{"cat -- a=1", 0, "args [\"a=1\"] env map[] in \"input\"\n", "a warning\n"},
		{"cat -x --help", 0, "args [\"-x\" \"--help\"] env map[] in \"input\"\n", "a warning\n"},
		{"-e HOME cat", 0, "args [] env map[HOME:/home/u] in \"input\"\n", "a warning\n"},
		{"bare k=v x", 0, "args [\"x\"] env map[k:v] in \"input\"\n", "a warning\n"},
		{"fail", 1, "half", note + "no such container: web\n"},
		{"nojob", 127, "", note + "nojob: command not found\n"},
		{"--timeout 20ms slow", 1, "", note + "job slow was cancelled: it did not end within 20ms\n"},
		{"logs web follow=1", 1, "", note + "job logs does not take 2 arguments, usage: logs CONTAINER\n" +
			"follow=1 stands among the arguments; env comes before them: docker job run logs follow=1 ...\n"},
		{"logs k=v", 1, "", note + "job logs does not take 0 arguments, usage: logs CONTAINER\n" +
			"To give k=v as an argument, put -- before it. See 'docker job help logs'.\n"},
		{"logs", 1, "", note + "job logs does not take 0 arguments, usage: logs CONTAINER\nSee 'docker job help logs'.\n"},
		{"containers all=perhaps", 1, "", note + "job containers: env key \"all\" must be true or false, not \"perhaps\"\n" +
			"See 'docker job help containers'.\n"},
		{"-e nosuch cat", 1, "", "-e nosuch: the environment has no such variable; give it as nosuch=VAL\n"},
		{"-e =x cat", 1, "", "-e \"=x\" has no key: KEY=VAL or KEY is wanted\n"},
		{"--timeout soon cat", 125, "", "invalid value \"soon\" for flag --timeout: a time such as 90s, 5m or 30 is wanted\nSee 'docker job run --help'.\n"},
		{"--timeout=-1 cat", 125, "", "invalid value \"-1\" for flag --timeout: a time such as 90s, 5m or 30 is wanted\nSee 'docker job run --help'.\n"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			dockerJob(t, eng, strings.NewReader("input"), append([]string{"run"}, strings.Fields(tt.line)...)...).want(t, tt.code, tt.out, tt.err)
		})
	}
	if r := dockerJob(t, eng, nil, "run"); r.code != 1 || !strings.Contains(r.err, `"job run" requires a minimum of 1 argument`) {
		t.Errorf("no name: %+v", r)
	}
	if r := dockerJob(t, eng, nil, "run", "logs", "--help"); r.code != 0 || !strings.Contains(r.out, "Usage: docker job run logs [KEY=VAL...] CONTAINER") {
		t.Errorf("run logs --help: %+v", r)
	}
}

// A job that reads nothing leaves the input to whoever comes next.
func TestJobRunLeavesStdin(t *testing.T) {
	eng := newFakeJobs(t, engine.Declaration{Name: "deaf", Handler: func(*engine.Job) error { return nil }})
	in := strings.NewReader("for the next program")
	dockerJob(t, eng, in, "run", "-i", "deaf").want(t, 0, "", "")
	if in.Len() != len("for the next program") {
		t.Error("the input was read")
	}
}

// A job that ends does not wait for an input that does not.
func TestJobRunEndlessStdin(t *testing.T) {
	eng := newFakeJobs(t)
	register(t, eng, "bare", func(*engine.Job) error { return nil })
	r, w := io.Pipe()
	defer w.Close()
	dockerJob(t, eng, r, "run", "bare").want(t, 0, "", "")
}

// signalled starts a job and sends signals to the command once it runs.
func signalled(t *testing.T, handler engine.Handler, list ...os.Signal) result {
	t.Helper()
	started := make(chan struct{})
	eng := newFakeJobs(t)
	register(t, eng, "wait", func(job *engine.Job) error {
		close(started)
		return handler(job)
	})
	var out, errOut lockedBuffer
	cli := newJobCLI(eng, Streams{In: strings.NewReader(""), Out: &out, Err: &errOut})
	cli.notify = func(c chan<- os.Signal, _ ...os.Signal) func() {
		go func() {
			<-started
			for _, s := range list {
				c <- s
			}
		}()
		return func() {}
	}
	code := cli.report(cli.dispatch(t.Context(), []string{"job", "run", "wait"}))
	return result{code, out.String(), errOut.String()}
}

func TestJobRunSignals(t *testing.T) {
	var ended sync.WaitGroup
	ended.Add(1)
	signalled(t, func(job *engine.Job) error {
		defer ended.Done()
		<-job.Context().Done()
		job.Printf("cleaned up\n")
		return job.Context().Err()
	}, os.Interrupt).want(t, 130, "cleaned up\n", "")
	ended.Wait()
	// What the job makes of the signal counts.
	signalled(t, func(job *engine.Job) error {
		<-job.Context().Done()
		return nil
	}, os.Interrupt).want(t, 0, "", "")
	signalled(t, func(job *engine.Job) error {
		<-job.Context().Done()
		return errors.New("cannot stop")
	}, os.Interrupt).want(t, 1, "", "Error response from daemon: cannot stop\n")
	release := make(chan struct{})
	defer close(release)
	signalled(t, func(*engine.Job) error {
		<-release
		return nil
	}, os.Interrupt, os.Interrupt).want(t, 130, "", "")
}

func TestJSONIndenter(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":[1,2]}` + "\n": "{\n    \"a\": [\n        1,\n        2\n    ]\n}\n",
		"no json":            "no json",
		"":                   "",
	} {
		var out bytes.Buffer
		j := &jsonIndenter{w: &out}
		for _, b := range []byte(in) {
			if _, err := j.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.finish(); err != nil || out.String() != want {
			t.Errorf("%q: %q, %v", in, out.String(), err)
		}
	}
	var out bytes.Buffer
	j := &jsonIndenter{w: &out}
	long := bytes.Repeat([]byte("[1]"), indentLimit/4)
	for range 3 {
		if _, err := j.Write(long); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.finish(); err != nil || !bytes.Equal(out.Bytes(), bytes.Repeat(long, 3)) {
		t.Errorf("a long document: %d bytes, %v", out.Len(), err)
	}
}

func TestJobCancel(t *testing.T) {
	eng := newFakeJobs(t)
	register(t, eng, "job_cancel", func(job *engine.Job) error {
		if job.Args[0] == "9" {
			return errdefs.NotFound("no such job is running: 9")
		}
		return nil
	})
	dockerJob(t, eng, nil, "cancel", "7", "9", "8").want(t, 1, "7\n8\n",
		"Error response from daemon: no such job is running: 9\nError: failed to cancel one or more jobs\n")
	dockerJob(t, eng, nil, "cancel", "7").want(t, 0, "7\n", "")
	dockerJob(t, eng, nil, "cancel").want(t, 1, "", "docker: \"job cancel\" requires a minimum of 1 argument. See 'docker job cancel --help'.\n")
}

func TestJobLs(t *testing.T) {
	at := testNow.Add(-3 * time.Minute)
	eng := newFakeJobs(t)
	register(t, eng, "jobs", func(job *engine.Job) error {
		return job.WriteJSON([]engine.JobInfo{
			{ID: "ab.1", Name: "serveapi", Args: []string{"unix:///x"}, State: "running", Started: at},
			{ID: "ab.7", Parent: "ab.1", Name: "attach", Args: []string{"a web\tserver", strings.Repeat("x", 40)}, Client: "uid:0",
				Detail: "pid 12 (docker)", State: "cancelled", Phase: "open", Started: at},
			{ID: job.ID(), Name: "jobs", Started: testNow},
		})
	})
	cut := `"a web\tserver" xxxxxxxxxxxxx...`
	pad := strings.Repeat(" ", 35-len("ARGS"))
	dockerJob(t, eng, nil, "ls").want(t, 0,
		"ID                  NAME                ARGS"+pad+"PARENT              AGE                 CLIENT              STATE\n"+
			"ab.1                serveapi            unix:///x"+strings.Repeat(" ", 35-9)+"                    3 minutes                               running\n"+
			"ab.7                attach              "+cut+strings.Repeat(" ", 35-len(cut))+"ab.1                3 minutes           uid:0               cancelled\n", "")
	dockerJob(t, eng, nil, "ls", "-q").want(t, 0, "ab.1\nab.7\n", "")
	dockerJob(t, eng, nil, "ls", "--no-trunc", "--format", "{{.ID}} {{.Args}} {{.Client}} {{.Phase}}").want(t, 0,
		"ab.1 unix:///x  \nab.7 \"a web\\tserver\" "+strings.Repeat("x", 40)+" uid:0 (pid 12 (docker)) open\n", "")
	r := dockerJob(t, eng, nil, "ls", "-a", "--format", "json")
	if lines := strings.Split(r.out, "\n"); r.code != 0 || len(lines) != 4 ||
		lines[0] != `{"ID":"ab.1","Name":"serveapi","Args":["unix:///x"],"State":"running","Started":"2026-01-02T03:01:05Z"}` {
		t.Errorf("%+v", r)
	}
	if r := dockerJob(t, eng, nil, "ls", "--format", "{{.Nope}}"); r.code == 0 || r.err == "" {
		t.Errorf("%+v", r)
	}
}

func TestJobHelp(t *testing.T) {
	eng := newFakeJobs(t,
		engine.Declaration{
			Name: "logs", Summary: "Writes the log of a container.", Waits: true, Stdout: engine.Multiplexed,
			Args: []engine.Arg{{Name: "CONTAINER", Summary: "id or name"}},
			Env: []engine.Key{
				{Name: "follow", Type: engine.Bool, Summary: "go on with what is written from now on, until the container ends or the caller leaves"},
				{Name: "tail", Default: "all", Summary: "number of lines"},
				{Name: "token", Secret: true},
			},
			Handler: echoJob,
		},
		engine.Declaration{Name: "rm", Summary: "Removes a container with everything that belongs to it and to nothing else of this world.", Changes: true, Handler: echoJob},
		engine.Declaration{Name: "a_very_long_name_of_a_job", Summary: "Reads.", AnyEnv: true, Handler: echoJob},
	)
	register(t, eng, "bare", echoJob)
	dockerJob(t, eng, nil, "help", "logs").want(t, 0, `
Usage: docker job run logs [KEY=VAL...] CONTAINER

Writes the log of a container.

Arguments:
    CONTAINER  id or name

Env:
    follow=BOOL   go on with what is written from now on, until the container
                  ends or the caller leaves
    tail=STRING   number of lines; default all
    token=STRING  never shown

Streams:
    in      nothing
    out     writes bytes; standard error is payload, too

It only reads. It may wait for long; no limit counts it.

`, "")
	dockerJob(t, eng, nil, "help").want(t, 0, `
Jobs that only read:
    a_very_long_name_of_a_job Reads

Jobs that change something:
    rm                  Removes a container with everything that belongs to i...

Jobs that wait for somebody or something:
    logs                Writes the log of a container

Jobs that do not say what they do:
    bare

Run 'docker job help NAME' for more information on a job.
`, "")
	dockerJob(t, eng, nil, "help", "nojob").want(t, 1, "", "Error response from daemon: no such job: nojob\n")
	if r := dockerJob(t, eng, nil, "help", "bare"); !strings.Contains(r.out, "Usage: docker job run bare [KEY=VAL...] [--] [ARG...]") {
		t.Errorf("%+v", r)
	}
	// docker help job NAME
	var out lockedBuffer
	cli := newJobCLI(eng, Streams{Out: &out, Err: &out})
	if code := cli.report(cli.dispatch(t.Context(), []string{"help", "job", "rm"})); code != 0 || !strings.Contains(out.String(), "It changes something.") {
		t.Errorf("%d %s", code, &out)
	}
}
