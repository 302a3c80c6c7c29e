package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

const jobTraceHelp = `A tree is shown when its first job has ended: when that began (for its children,
how much later), how long it took, what it was, and what is worth telling: the
kind of its failure, the parts of its work, what it read and wrote, who asked.
With -f a job that is not over soon has a line when it starts, too. Records that
were lost because they came faster than they were read are counted on standard
error. The jobs of this command itself are left out.
`

type jobTraceOptions struct {
	follow, env, noTrunc bool
	last                 int
	job, format          string
}

func newJobTrace(cli *CLI, flags *mflag.Set) runFunc {
	o := jobTraceOptions{last: 20}
	flags.Bool(&o.follow, "-f --follow", "Go on with the jobs that start and end from now on")
	flags.Int(&o.last, "-n --last", "Show this many of the last trees (records, with\n--format json)")
	flags.String(&o.job, "--job", "Show only the tree that has this job: an id, or the\nnumber behind its dot")
	flags.Bool(&o.env, "-e --env", "Show the env of the jobs")
	flags.Bool(&o.noTrunc, "--no-trunc", "Don't truncate output")
	flags.String(&o.format, "--format", "Format of the output: json writes the records, a line\neach")
	return func(ctx context.Context, _ []string) error {
		switch {
		case o.format != "" && o.format != "json" && o.format != "table":
			return fmt.Errorf("--format %s: a trace is a tree for people, or json", o.format)
		case o.last < 0:
			return fmt.Errorf("-n %d: a number from 0 on is wanted", o.last)
		}
		return cli.withJobs(ctx, func(eng jobEngine) error { return cli.jobTrace(ctx, eng, o) })
	}
}

// remembered is how many records an engine keeps.
const remembered = 1000

// jobTrace reads the records of job_trace and shows them.
func (cli *CLI) jobTrace(ctx context.Context, eng jobEngine, o jobTraceOptions) error {
	caller := ctx
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	trace := eng.Job("job_trace").SetContext(ctx)
	trace.SetenvBool("follow", o.follow)
	trace.SetenvBool("env", o.env || o.format == "json")
	trace.SetenvInt("last", remembered)
	if o.format == "json" {
		trace.SetenvInt("last", o.last)
	}
	out := trace.Stdout.AddPipe()
	trace.Stderr.Add(cli.Err) // how many records were lost
	records := make(chan traceLine)
	if err := trace.Start(); err != nil {
		return jobFailure(ctx, err)
	}
	read := make(chan error, 1)
	go func() {
		defer close(records)
		read <- readTrace(ctx, out, records)
		out.Close()
	}()
	var err error
	if o.format == "json" {
		err = cli.traceJSON(records, trace.ID(), o)
	} else {
		err = cli.traceTrees(ctx, eng, records, trace.ID(), o)
	}
	stop()
	for range records { // the reader ends with its job
	}
	werr, rerr := trace.Wait(), <-read
	switch {
	case err != nil:
	case caller.Err() != nil:
		err = context.Cause(caller)
	case !errdefs.Is(werr, errdefs.KindCanceled):
		err = jobFailure(caller, werr)
	}
	if err == nil && !errors.Is(rerr, context.Canceled) {
		err = rerr
	}
	return err
}

// traceLine is a line of job_trace, and what it says.
type traceLine struct {
	engine.Record
	text json.RawMessage
}

// readTrace decodes the lines until the job or ctx ends.
func readTrace(ctx context.Context, r io.Reader, into chan<- traceLine) error {
	for dec := json.NewDecoder(r); ; {
		var line traceLine
		err := dec.Decode(&line.text)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return nil
		}
		if err == nil {
			err = json.Unmarshal(line.text, &line.Record)
		}
		if err != nil {
			return fmt.Errorf("reading the records of jobs: %w", err)
		}
		select {
		case into <- line:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ownRecord tells whether a record is of a job that this command has asked for.
func ownRecord(r engine.Record, jobs ...string) bool {
	return slices.Contains(jobs, r.ID) || r.Parent != "" && slices.Contains(jobs, r.Parent)
}

// traceJSON passes the records on.
func (cli *CLI) traceJSON(records <-chan traceLine, own string, o jobTraceOptions) error {
	for line := range records {
		if line.ID == "" || ownRecord(line.Record, own) ||
			o.job != "" && !namesJob(line.ID, o.job) && !namesJob(line.Parent, o.job) {
			continue
		}
		if _, err := cli.Out.Write(append(line.text, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// How long a job runs before it is announced, and how long the records of the
// past may take at most.
const (
	announceAfter = 100 * time.Millisecond
	pastTimeout   = time.Second
)

// tracer is one run of job trace that shows trees.
type tracer struct {
	printer tracePrinter
	forest  *jobForest
	o       jobTraceOptions
	own     []string // the jobs of this command: the trace, then what prepare has run
	live    bool     // the past is over
	past    []*jobNode
	fresh   []*jobNode // jobs that may have to be announced, oldest first
	now     func() time.Time
	err     error
}

// traceTrees shows the records as trees.
func (cli *CLI) traceTrees(ctx context.Context, eng jobEngine, records <-chan traceLine, own string, o jobTraceOptions) error {
	t := &tracer{printer: tracePrinter{w: cli.Out, now: cli.now, o: o}, o: o, own: []string{own}, now: cli.now}
	t.forest = newJobForest(t.emit)
	if err := t.prepare(ctx, eng); err != nil {
		return err
	}
	timeout := time.NewTimer(pastTimeout)
	defer timeout.Stop()
	tick := time.NewTicker(announceAfter / 2)
	defer tick.Stop()
	for t.err == nil {
		select {
		case line, ok := <-records:
			if !ok {
				t.end()
				return t.err
			}
			t.take(line.Record)
		case <-timeout.C:
			t.showPast()
		case <-tick.C:
			t.announce()
		}
	}
	return t.err
}

// prepare asks which jobs run. The record of the job that asks comes after those
// of the past, and so tells its end.
func (t *tracer) prepare(ctx context.Context, eng jobEngine) error {
	var running []engine.JobInfo
	jobs := eng.Job("jobs").SetContext(ctx)
	if err := jobs.OutputJSON(&running); err != nil {
		return jobFailure(ctx, err)
	}
	t.own = append(t.own, jobs.ID())
	for _, j := range running {
		t.take(engine.Record{ID: j.ID, Parent: j.Parent, Name: j.Name, Args: j.Args, Client: j.Client, Started: j.Started})
	}
	return nil
}

// take has the next record.
func (t *tracer) take(r engine.Record) {
	if r.ID == "" {
		return
	}
	if ownRecord(r, t.own...) {
		if t.o.follow && r.Ended && ownRecord(r, t.own[1:]...) {
			t.showPast()
		}
		return
	}
	if n := t.forest.add(r); n != nil && !r.Ended {
		t.fresh = append(t.fresh, n)
	}
}

// emit has a tree: one of the past waits until it is known to be one of the
// last, one that is live is shown.
func (t *tracer) emit(root *jobNode) {
	switch {
	case t.o.job != "" && !root.has(t.o.job):
	case !root.rec.Ended && len(root.kids) == 0: // nothing of it is of the past
	case t.live:
		t.show(root)
	default:
		t.past = append(t.past, root)
	}
}

func (t *tracer) show(root *jobNode) {
	if err := t.printer.tree(root); err != nil && t.err == nil {
		t.err = err
	}
}

// showPast shows the last trees of what was before this command.
func (t *tracer) showPast() {
	if t.live {
		return
	}
	t.live = true
	slices.SortStableFunc(t.past, func(a, b *jobNode) int { return t.endOf(a).Compare(t.endOf(b)) })
	for _, root := range t.past[max(0, len(t.past)-t.o.last):] {
		t.show(root)
	}
	t.past = nil
}

// endOf is when a tree has ended: now, when it has not.
func (t *tracer) endOf(root *jobNode) time.Time {
	if !root.rec.Ended {
		return t.now()
	}
	return root.rec.Started.Add(root.rec.Duration)
}

// announce shows the jobs that have started some time ago and still run.
func (t *tracer) announce() {
	if !t.live || !t.o.follow {
		return
	}
	due := t.now().Add(-announceAfter)
	wait := t.fresh[:0]
	for _, n := range t.fresh {
		switch {
		case n.rec.Ended || n.announced:
		case n.rec.Started.After(due) && !n.rec.Started.After(t.now()):
			wait = append(wait, n)
		case t.o.job == "" || n.root().has(t.o.job):
			n.announced = true
			if err := t.printer.line(n, n, 0); err != nil && t.err == nil {
				t.err = err
			}
		}
	}
	t.fresh = wait
}

// end comes when there are no more records.
func (t *tracer) end() {
	if !t.o.follow {
		t.forest.flush()
	}
	t.showPast()
}

// tracePrinter writes trees for people.
type tracePrinter struct {
	w   io.Writer
	now func() time.Time
	o   jobTraceOptions
}

// callWidth is how much of a call is shown.
const callWidth = 60

func (p *tracePrinter) tree(root *jobNode) error { return p.below(root, root, 0) }

func (p *tracePrinter) below(root, n *jobNode, depth int) error {
	if err := p.line(root, n, depth); err != nil {
		return err
	}
	for _, kid := range n.kids {
		if err := p.below(root, kid, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// line writes one job.
func (p *tracePrinter) line(root, n *jobNode, depth int) error {
	r := &n.rec
	began := p.clock(r.Started)
	if n != root {
		began = "+" + shortDuration(r.Started.Sub(root.rec.Started))
	}
	took := "running"
	if r.Ended {
		took = shortDuration(r.Duration)
	}
	args, width := r.Args, 0
	if !p.o.noTrunc {
		args, width = shortArgs(args), callWidth
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%12s %9s  %*s%s", began, took, 2*depth, "", callText(r.Name, args, width))
	if failure := failureText(r); failure != "" {
		b.WriteString("  " + failure)
	}
	if n == root {
		if localParent(*r) != "" {
			b.WriteString("  of " + r.Parent)
		}
		if r.Client != "" {
			b.WriteString("  " + r.Client)
		}
		b.WriteString("  " + r.ID)
	}
	for _, note := range p.notes(r) {
		b.WriteString("  " + note)
	}
	_, err := io.WriteString(p.w, b.String()+"\n")
	return err
}

// clock is the time of day, or the day when it is another one.
func (p *tracePrinter) clock(t time.Time) string {
	t, now := t.Local(), p.now().Local()
	if t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		return t.Format("Jan 02 15:04")
	}
	return t.Format("15:04:05.000")
}

// failureText says how a job failed, if it did.
func failureText(r *engine.Record) string {
	switch {
	case r.Kind == errdefs.KindCanceled.String():
		return r.Kind
	case r.Kind == errdefs.KindNotModified.String():
		return r.Kind + ": " + oneLine(r.Error)
	case r.Kind != "":
		return "FAILED " + r.Kind + ": " + oneLine(r.Error)
	case r.Status != engine.StatusOK:
		return fmt.Sprintf("FAILED with status %d", r.Status)
	}
	return ""
}

// notes is what is worth telling of a job besides its call.
func (p *tracePrinter) notes(r *engine.Record) []string {
	var notes []string
	if r.Queued > 0 {
		notes = append(notes, "queued "+shortDuration(r.Queued))
	}
	if len(r.Phases) > 0 {
		parts := make([]string, len(r.Phases))
		for i, phase := range r.Phases {
			parts[i] = phase.Name + " " + shortDuration(phase.Duration)
		}
		notes = append(notes, "["+strings.Join(parts, ", ")+"]")
	}
	if r.BytesIn > 0 {
		notes = append(notes, "in "+humanSize(r.BytesIn))
	}
	if r.BytesOut > 0 {
		notes = append(notes, "out "+humanSize(r.BytesOut))
	}
	if p.o.env {
		keys := make([]string, 0, len(r.Env))
		for key, value := range r.Env {
			keys = append(keys, key+"="+quoteArg(value))
		}
		slices.Sort(keys)
		notes = append(notes, keys...)
	}
	return notes
}
