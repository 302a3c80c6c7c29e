package engine

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/enginejobs/docker/errdefs"
)

// What one record keeps at most: a caller decides what a job is asked with, so
// the memory of the engine must not follow it. Texts are cut to these lengths,
// in bytes; the ring of 1000 records stays below 16 MiB at the very worst, and
// needs about 300 KiB when jobs are asked with a few short words.
const (
	maxText    = 256      // an argument, an env value, and all that a Caller says
	maxName    = 128      // the name of a job, and of an env key
	maxError   = 512      // the text of a failure
	maxArgs    = 16       // arguments; the next one says how many more there were
	maxKeys    = 64       // env pairs
	maxEnvText = 4 * 1024 // all env values together
	inlineArgs = 4        // arguments that are kept without an allocation
)

// masked stands for a value that is not shown.
const masked = "***"

// trail is a Record as the engine keeps it: without allocations for a usual job,
// with nothing secret, and with nothing that the caller may still change. It
// holds no Job, so that streams and contexts are freed.
type trail struct {
	engine        string // the eight digits in front of the number
	seq           uint64
	parent        string // with parentSeq: the engine of the parent; else its id
	parentSeq     uint64
	name          string
	args          [inlineArgs]string
	nargs         int
	more          []string // all arguments, when there are more than inlineArgs
	env           []pair   // no value is secret; nobody changes it
	client, trace string
	started       time.Time

	ended            bool
	failed           bool
	kind             errdefs.Kind // when failed
	queued, duration time.Duration
	text             string
	in, out          int64
	phases           []Phase
}

// begin fills in what is known when a job starts.
func (t *trail) begin(j *Job) {
	t.engine, t.seq, t.name, t.started = j.Eng.String(), j.seq, clip(j.Name, maxName), j.started
	switch {
	case j.parent != nil:
		t.parent, t.parentSeq = j.parent.Eng.String(), j.parent.seq
	case j.caller != nil:
		t.parent = clip(j.caller.Parent, maxText)
	}
	if j.caller != nil {
		t.client, t.trace = clip(j.caller.Client, maxText), clip(j.caller.Trace, maxText)
	}
	t.keepArgs(j)
	if len(j.env.list) > 0 {
		t.env = j.visibleEnv()
	}
}

// end fills in the rest. Only the goroutine that ends the job calls it.
func (t *trail) end(j *Job, err error) {
	t.ended, t.duration, t.queued, t.phases = true, j.Eng.settings.Load().since(j.started), j.waited, j.phases
	t.in, t.out = j.stdin.count.Load(), j.stdout.count.Load()+j.stderr.count.Load()
	if err != nil {
		t.failed = true
		t.kind, t.text = describe(err)
	}
}

// describe reads an error of a handler, which may be broken itself.
func describe(err error) (kind errdefs.Kind, text string) {
	defer func() {
		if v := recover(); v != nil {
			kind, text = errdefs.KindInternal, "the error of the job panics when it is read"
		}
	}()
	return errdefs.KindOf(err), clip(err.Error(), maxError)
}

// keepArgs copies the arguments with the secret ones masked.
func (t *trail) keepArgs(j *Job) {
	n := len(j.Args)
	if n <= inlineArgs {
		t.nargs = n
		for i, arg := range j.Args {
			t.args[i] = j.visibleArg(i, arg)
		}
		return
	}
	t.more = make([]string, 0, min(n, maxArgs+1))
	for i, arg := range j.Args[:min(n, maxArgs)] {
		t.more = append(t.more, j.visibleArg(i, arg))
	}
	if n > maxArgs {
		t.more = append(t.more, "... and "+strconv.Itoa(n-maxArgs)+" more")
	}
}

// visibleArg is an argument as everybody may see it.
func (j *Job) visibleArg(i int, arg string) string {
	if j.entry != nil && j.entry.decl != nil && j.entry.decl.secrets {
		if declared := j.entry.decl.Args; declared[min(i, len(declared)-1)].Secret {
			return masked
		}
	}
	return clip(arg, maxText)
}

// visibleEnv is the env with everything masked that is or may be secret. Where
// nothing is, and all is short, it is the list of the job itself: pairs are
// appended to that, but never changed.
func (j *Job) visibleEnv() []pair {
	list, total := j.env.list, 0
	if len(list) <= maxKeys {
		plain := true
		for i := range list {
			p := &list[i]
			total += len(p.value)
			if j.hides(p.key) || len(p.value) > maxText || len(p.key) > maxName || total > maxEnvText {
				plain = false
				break
			}
		}
		if plain {
			return list[:len(list):len(list)]
		}
	}
	kept := make([]pair, 0, min(len(list), maxKeys))
	total = 0
	for _, p := range list[max(0, len(list)-maxKeys):] { // the last value of a key counts
		value := masked
		if !j.hides(p.key) {
			value = clip(p.value, min(maxText, max(maxEnvText-total, len(ellipsis))))
			total += len(value)
		}
		kept = append(kept, pair{key: clip(p.key, maxName), value: value})
	}
	return kept
}

// hides tells whether the value of an env key is or may be secret.
func (j *Job) hides(key string) bool {
	if j.entry == nil || j.entry.decl == nil {
		return true
	}
	k := j.entry.decl.keys[key]
	return k == nil && !j.entry.decl.AnyEnv || k != nil && k.Secret
}

const ellipsis = "..."

// clip shortens a text to at most most bytes, between two characters. What is
// cut is copied, so that the long text is not kept in memory.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := most - len(ellipsis)
	for back := 1; back < utf8.UTFMax && n > 0 && !utf8.RuneStart(s[n]); back++ {
		n--
	}
	return s[:n] + ellipsis
}

// id is the id of the job.
func (t *trail) id() string { return t.engine + "." + strconv.FormatUint(t.seq, 10) }

func (t *trail) parentID() string {
	if t.parentSeq == 0 {
		return t.parent
	}
	return t.parent + "." + strconv.FormatUint(t.parentSeq, 10)
}

// arguments copies the arguments.
func (t *trail) arguments() []string {
	if t.more != nil {
		return slices.Clone(t.more)
	}
	return slices.Clone(t.args[:t.nargs])
}

// call writes the job as "name(arg1, arg2)".
func (t *trail) call() string { return t.name + "(" + strings.Join(t.arguments(), ", ") + ")" }

func (t *trail) status() Status {
	switch {
	case !t.failed:
		return StatusOK
	case t.kind == errdefs.KindUnknownJob:
		return StatusNotFound
	}
	return StatusErr
}

// record makes the form that is shown.
func (t *trail) record() Record {
	r := Record{
		ID: t.id(), Parent: t.parentID(), Name: t.name, Args: t.arguments(), Client: t.client, Trace: t.trace,
		Started: t.started.Round(0).UTC(), // without the monotonic part
		Ended:   t.ended, Queued: t.queued, Duration: t.duration, Status: t.status(), Error: t.text,
		BytesIn: t.in, BytesOut: t.out, Phases: slices.Clone(t.phases),
	}
	if t.failed {
		r.Kind = t.kind.String()
	}
	if len(t.env) > 0 {
		env := Env{list: t.env}
		r.Env = env.Map()
	}
	return r
}
