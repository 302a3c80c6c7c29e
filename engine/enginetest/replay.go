package enginetest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// Replayer runs recordings again. The zero value does what Replay does.
type Replayer struct {
	// Secret gives the value of a secret env key of a job, or of a secret argument
	// by its declared name, which the recording does not have. Without it those
	// keys are not set, and those arguments are Masked.
	Secret func(job, key string) string
	// Normalise is applied to both outputs before they are compared; stream is
	// "stdout" or "stderr". It removes what differs for good reasons.
	Normalise func(job, stream, text string) string
	// Env is set on every job, beside what was recorded.
	Env map[string]string
	// Timeout is for each job; 0 means 30 seconds. One that takes longer is
	// cancelled, and fails the test.
	Timeout time.Duration
}

// Replay runs the jobs of a recording on eng, in the order and as parallel as
// they ran then, and fails the test where status, kind of error, text of error
// or output differ. Ids and times may differ: an id that a job answers with is
// used from there on in the place of the recorded one.
func Replay(t testing.TB, eng *engine.Engine, file string) {
	t.Helper()
	(&Replayer{}).Run(t, eng, file)
}

// Run is Replay with the settings of r.
func (r *Replayer) Run(t testing.TB, eng *engine.Engine, file string) {
	t.Helper()
	takes, err := ReadRecording(file)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(takes, func(a, b Take) int { return a.Began - b.Began })
	run := replay{settings: r, ids: binding{}}
	var waiting []*rerun
	// A job begins when all that had ended before it have ended again.
	settle := func(before int) {
		slices.SortStableFunc(waiting, func(a, b *rerun) int { return a.take.Ended - b.take.Ended })
		for len(waiting) > 0 && waiting[0].take.Ended < before {
			for _, complaint := range run.finish(waiting[0]) {
				t.Errorf("%s: %s", file, complaint)
			}
			waiting = waiting[1:]
		}
	}
	for i, take := range takes {
		settle(take.Began)
		waiting = append(waiting, run.start(eng, i+1, take))
	}
	last := 0
	for _, w := range waiting {
		last = max(last, w.take.Ended)
	}
	settle(last + 1)
}

// replay is one run of a Replayer.
type replay struct {
	settings *Replayer
	ids      binding
}

// rerun is a recorded job that runs again.
type rerun struct {
	take           Take
	number         int
	stdout, stderr tap
	result         chan error
	stop           context.CancelFunc
}

// start runs a recorded job in a goroutine of its own, which ends with the job.
func (r *replay) start(eng *engine.Engine, number int, take Take) *rerun {
	again := &rerun{take: take, number: number, result: make(chan error, 1)}
	args := make([]string, len(take.Args))
	for i, arg := range take.Args {
		args[i] = r.ids.translate(arg)
		if d, _ := eng.Describe(take.Name); arg == Masked && r.settings.Secret != nil && len(d.Args) > 0 {
			args[i] = r.settings.Secret(take.Name, d.Args[min(i, len(d.Args)-1)].Name)
		}
	}
	timeout := r.settings.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	var ctx context.Context
	ctx, again.stop = context.WithTimeout(context.Background(), timeout)
	job := eng.Job(take.Name, args...).SetContext(ctx)
	for _, key := range slices.Sorted(maps.Keys(take.Env)) {
		value := r.ids.translate(take.Env[key])
		switch {
		case value != Masked:
		case r.settings.Secret != nil:
			value = r.settings.Secret(take.Name, key)
		case secretKey(eng, take.Name, key):
			continue
		}
		job.Setenv(key, value)
	}
	for _, key := range slices.Sorted(maps.Keys(r.settings.Env)) {
		job.Setenv(key, r.settings.Env[key])
	}
	job.Stdout.Add(&again.stdout)
	job.Stderr.Add(&again.stderr)
	if take.Stdin != "" {
		if err := job.Stdin.Add(strings.NewReader(r.ids.translate(take.Stdin))); err != nil {
			again.result <- err
			return again
		}
	}
	if err := job.Start(); err != nil {
		again.result <- err
		return again
	}
	go func() { again.result <- job.Wait() }()
	return again
}

// secretKey tells whether a job declares a key as secret.
func secretKey(eng *engine.Engine, job, key string) bool {
	d, _ := eng.Describe(job)
	return slices.ContainsFunc(d.Env, func(k engine.KeyDescription) bool { return k.Name == key && k.Secret })
}

// finish waits for a job and tells what is not as it was.
func (r *replay) finish(again *rerun) (complaints []string) {
	err := <-again.result
	again.stop()
	take := again.take
	say := func(what, want, got string) {
		complaints = append(complaints, fmt.Sprintf("job %d %s(%s): %s was\n%s\nnow it is\n%s",
			again.number, take.Name, strings.Join(take.Args, ", "), what, want, got))
	}
	kind, text := "", ""
	if err != nil {
		kind, text = errdefs.KindOf(err).String(), err.Error()
	}
	if status := int(engine.StatusOf(err)); status != take.Status || kind != take.Kind {
		say("the result", fmt.Sprintf("%s (status %d) %s", take.Kind, take.Status, take.Error), fmt.Sprintf("%s (status %d) %s", kind, status, text))
	} else if !r.ids.match(take.Error, text) {
		say("the error", take.Error, text)
	}
	for _, s := range []struct{ name, want, got string }{
		{"stdout", take.Stdout, again.stdout.end()}, {"stderr", take.Stderr, again.stderr.end()},
	} {
		if f := r.settings.Normalise; f != nil {
			s.want, s.got = f(take.Name, s.name, s.want), f(take.Name, s.name, s.got)
		}
		if !r.ids.match(s.want, s.got) {
			say(s.name, s.want, s.got)
		}
	}
	return complaints
}

// Player answers jobs from a recording. Make it with Playback.
type Player struct {
	mu    sync.Mutex
	takes []Take
	used  []bool
}

// Playback replaces every job of a recording by a fake that answers as the
// recording says: the first run that is still unused with the same arguments and
// env answers. A run that was not recorded fails with the kind Internal.
func Playback(eng *engine.Engine, file string) (*Player, error) {
	takes, err := ReadRecording(file)
	if err != nil {
		return nil, err
	}
	p := &Player{takes: takes, used: make([]bool, len(takes))}
	for _, t := range takes {
		eng.Replace(t.Name, p.handle)
	}
	return p, nil
}

// Left lists the recorded runs that nobody has asked for yet, as "name(args)".
func (p *Player) Left() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var left []string
	for i, t := range p.takes {
		if !p.used[i] {
			left = append(left, t.Name+"("+strings.Join(t.Args, ", ")+")")
		}
	}
	return left
}

func (p *Player) handle(job *engine.Job) error {
	take, ok := p.take(job)
	if !ok {
		return errdefs.Internal("the recording has no unused run of %s(%s) with this env", job.Name, strings.Join(job.Args, ", "))
	}
	if take.Stdin != "" {
		if _, err := io.Copy(io.Discard, job.Stdin); err != nil {
			return err
		}
	}
	answer := Answer{Stdout: take.Stdout, Stderr: take.Stderr}
	if take.Status != 0 {
		answer.Err = &errdefs.Error{Kind: errdefs.ParseKind(take.Kind), Code: take.Code, Err: recorded(take.Error)}
	}
	return answer.give(job)
}

// recorded is the text of an error of then.
type recorded string

// Error gives the text.
func (e recorded) Error() string { return string(e) }

// take finds the run that answers a job, and uses it up.
func (p *Player) take(job *engine.Job) (Take, bool) {
	args, env := visible(job)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, t := range p.takes {
		if !p.used[i] && t.Name == job.Name && slices.Equal(t.Args, args) && maps.Equal(t.Env, env) {
			p.used[i] = true
			return t, true
		}
	}
	return Take{}, false
}
