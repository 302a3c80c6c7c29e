package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

const jobRunHelp = `KEY=VAL words between NAME and the first other word are the env of the job; the
words after them are its arguments. A lone -- ends the env: what follows it are
arguments, also when they look like KEY=VAL. 'docker job help NAME' tells what a
job takes. A standard input that is no terminal goes to a job that reads one.
The exit status is that of the job, and 127 when there is no such job. The first
Ctrl-C cancels the job and waits for its end, the second does not wait.
`

// jobRunOptions is the command line of job run.
type jobRunOptions struct {
	flagEnv []string // -e, checked when it is resolved
	stdin   bool
	timeout time.Duration // 0: none
	name    string
	env     []envPair // of the words after the name
	args    []string
}

// envPair is KEY=VAL.
type envPair struct{ key, value string }

func newJobRun(cli *CLI, flags *mflag.Set) runFunc {
	var o jobRunOptions
	flags.List(&o.flagEnv, "-e --env", "Env of the job: KEY=VAL, or KEY for the value that\nthe environment has", nil)
	flags.Bool(&o.stdin, "-i --interactive", "Give the job a terminal as its standard input, too")
	flags.Func(setTimeout(&o.timeout), "--timeout", "Cancel the job after this time (90s, 5m, or seconds)")
	return func(ctx context.Context, words []string) error {
		o.name = words[0]
		if len(words) == 2 && words[1] == "--help" {
			return cli.jobHelp(ctx, o.name)
		}
		o.env, o.args = splitWords(words[1:])
		return cli.jobRun(ctx, o)
	}
}

func setTimeout(into *time.Duration) func(string) error {
	return func(text string) error {
		d, err := time.ParseDuration(text)
		if n, nerr := strconv.ParseInt(text, 10, 32); nerr == nil {
			d, err = time.Duration(n)*time.Second, nil
		}
		if err != nil || d <= 0 {
			return errors.New("a time such as 90s, 5m or 30 is wanted")
		}
		*into = d
		return nil
	}
}

// splitWords takes the KEY=VAL words off the beginning.
func splitWords(words []string) (env []envPair, args []string) {
	for i, word := range words {
		if word == "--" {
			return env, words[i+1:]
		}
		key, value, ok := strings.Cut(word, "=")
		if !ok || !identifier(key) {
			return env, words[i:]
		}
		env = append(env, envPair{key, value})
	}
	return env, nil
}

// identifier tells whether a word can be the key of an env.
func identifier(word string) bool {
	for i, r := range word {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return word != ""
}

// resolve gives the env of the job: -e first, so that the words after the name
// win.
func (o *jobRunOptions) resolve(env Env) ([]envPair, error) {
	var list []envPair
	for _, text := range o.flagEnv {
		key, value, ok := strings.Cut(text, "=")
		if key == "" {
			return nil, errdefs.InvalidArgument("-e %s has no key: KEY=VAL or KEY is wanted", strconv.Quote(text))
		}
		if !ok {
			if value, ok = env(key); !ok {
				return nil, errdefs.InvalidArgument("-e %s: the environment has no such variable; give it as %s=VAL", key, key)
			}
		}
		list = append(list, envPair{key, value})
	}
	return append(list, o.env...), nil
}

func (cli *CLI) jobRun(ctx context.Context, o jobRunOptions) error {
	env, err := o.resolve(cli.env)
	if err != nil {
		return err
	}
	return cli.withJobs(ctx, func(eng jobEngine) error {
		job := eng.Job(o.name, o.args...)
		for _, e := range env {
			job.Setenv(e.key, e.value)
		}
		finish, err := cli.connect(ctx, eng, job, o.stdin)
		if err != nil {
			return err
		}
		running := ctx
		if o.timeout > 0 {
			var stop context.CancelFunc
			running, stop = context.WithTimeout(ctx, o.timeout)
			defer stop()
		}
		err = cli.await(job.SetContext(running))
		if ferr := finish(); err == nil {
			err = ferr
		}
		switch {
		case running.Err() != nil && ctx.Err() == nil && (errdefs.Is(err, errdefs.KindCanceled) || errdefs.Is(err, errdefs.KindDeadline)):
			err = fmt.Errorf("job %s was cancelled: it did not end within %v", o.name, o.timeout)
		case errdefs.Is(err, errdefs.KindInvalidArgument):
			err = errors.Join(err, o.hint(ctx, eng))
		}
		return jobFailure(ctx, err)
	})
}

// connect gives the job the streams of this program. What finish returns is the
// failure of a write that was held back.
func (cli *CLI) connect(ctx context.Context, eng jobEngine, job *engine.Job, wanted bool) (finish func() error, err error) {
	_, terminalIn := terminalOf(cli.In)
	_, terminalOut := terminalOf(cli.Out)
	wanted = wanted || !terminalIn && cli.In != nil
	finish = func() error { return nil }
	var decl *engine.JobDescription
	if wanted || terminalOut {
		decl = describeJob(ctx, eng, job.Name)
	}
	if wanted && (decl == nil || decl.Stdin != engine.None) {
		if err := job.Stdin.Add(cli.In); err != nil {
			return nil, err
		}
	}
	job.Stderr.Add(cli.Err)
	if terminalOut && decl != nil && decl.Stdout == engine.JSONDocument {
		pretty := &jsonIndenter{w: cli.Out}
		job.Stdout.Add(pretty)
		return pretty.finish, nil
	}
	out := &lastByte{w: cli.Out, last: '\n'}
	job.Stdout.Add(out)
	if terminalOut {
		finish = func() error {
			if out.last == '\n' {
				return nil
			}
			_, err := io.WriteString(cli.Out, "\n")
			return err
		}
	}
	return finish, nil
}

// lastByte remembers how the output ended, so that the prompt of a shell does not
// follow in the same line.
type lastByte struct {
	w    io.Writer
	last byte
}

func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.last = p[len(p)-1]
	}
	return l.w.Write(p)
}

// await runs the job. The first signal cancels it, the second leaves it alone.
func (cli *CLI) await(job *engine.Job) error {
	signals := make(chan os.Signal, 2)
	defer cli.notify(signals, fatalSignals...)()
	if err := job.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- job.Wait() }()
	var got os.Signal
	for {
		select {
		case err := <-done:
			if got != nil && errdefs.Is(err, errdefs.KindCanceled) {
				return exitStatus(128 + signalNumber(got))
			}
			return err
		case s := <-signals:
			if got != nil {
				return exitStatus(128 + signalNumber(s))
			}
			got = s
			job.Cancel()
		}
	}
}

// hint says what the user may have meant with a command line that the job
// refuses.
func (o *jobRunOptions) hint(ctx context.Context, eng jobEngine) error {
	decl := describeJob(ctx, eng, o.name)
	if decl == nil {
		return nil
	}
	knows := func(key string) bool {
		return slices.ContainsFunc(decl.Env, func(k engine.KeyDescription) bool { return k.Name == key })
	}
	for _, e := range o.env {
		if !knows(e.key) && !decl.AnyEnv && len(decl.Args) > 0 {
			return fmt.Errorf("To give %s=%s as an argument, put -- before it. See 'docker job help %s'.", //nolint:staticcheck // sentences
				e.key, e.value, o.name)
		}
	}
	for _, arg := range o.args {
		if key, _, ok := strings.Cut(arg, "="); ok && knows(key) {
			return fmt.Errorf("%s stands among the arguments; env comes before them: docker job run %s %s ...", //nolint:staticcheck // sentences
				arg, o.name, arg)
		}
	}
	return fmt.Errorf("See 'docker job help %s'.", o.name) //nolint:staticcheck // a sentence
}

// jsonIndenter holds one JSON document back to write it for people. One that is
// too long for that passes as it is.
type jsonIndenter struct {
	w      io.Writer
	held   bytes.Buffer
	passes bool
}

const indentLimit = 4 << 20

func (j *jsonIndenter) Write(p []byte) (int, error) {
	if j.passes {
		return j.w.Write(p)
	}
	if j.held.Len()+len(p) <= indentLimit {
		return j.held.Write(p)
	}
	j.passes = true
	if _, err := j.w.Write(j.held.Bytes()); err != nil {
		return 0, err
	}
	j.held = bytes.Buffer{}
	return j.w.Write(p)
}

// finish writes what was held back.
func (j *jsonIndenter) finish() error {
	if j.passes || j.held.Len() == 0 {
		return nil
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, bytes.TrimSpace(j.held.Bytes()), "", "    ") == nil {
		pretty.WriteByte('\n')
	} else {
		pretty = j.held
	}
	_, err := j.w.Write(pretty.Bytes())
	return err
}
