package enginetest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
)

// Trace is the tree of the jobs that ran on an engine. Make it with StartTrace,
// run jobs, and look at it with String or Golden.
type Trace struct {
	// Sort orders the jobs of one parent by their text instead of by their
	// start, for parents that run several at a time.
	Sort bool
	// Skip leaves jobs out, with all below them.
	Skip []string

	sub  *engine.Subscription
	done chan struct{} // closed when records is complete

	records []engine.Record // of starts and ends, in order; read after done
}

// StartTrace begins to follow the jobs of an engine. It ends with the first call
// of String or Golden, or with the test.
func StartTrace(t testing.TB, eng *engine.Engine) *Trace {
	t.Helper()
	tr := &Trace{sub: eng.Subscribe(4096), done: make(chan struct{})}
	go func() { // ends when the subscription is closed
		defer close(tr.done)
		for r := range tr.sub.C() {
			tr.records = append(tr.records, r)
		}
	}()
	t.Cleanup(tr.stop)
	return tr
}

func (tr *Trace) stop() {
	tr.sub.Close()
	<-tr.done
}

// String writes the tree, a job in a line, its children indented below it:
//
//	start(<id1>) = OK
//	  allocate_interface(<id1>) RequestedIP="10.0.0.2" = OK
//	rm(web) = not_found: no such container: web
//
// Ids (12 or 64 hexadecimal digits) and times are replaced by names that are the
// same in every run; secrets are masked. A job that still runs ends in "…".
func (tr *Trace) String() string {
	tr.stop()
	latest, children := map[string]engine.Record{}, map[string][]string{}
	for _, r := range tr.records {
		if _, known := latest[r.ID]; !known {
			children[r.Parent] = append(children[r.Parent], r.ID)
		}
		latest[r.ID] = r
	}
	var roots []string
	for parent, ids := range children {
		if _, known := latest[parent]; !known { // none, or one of before or of elsewhere
			roots = append(roots, ids...)
		}
	}
	order := map[string]int{}
	for i, r := range tr.records {
		if _, known := order[r.ID]; !known {
			order[r.ID] = i
		}
	}
	slices.SortFunc(roots, func(a, b string) int { return order[a] - order[b] })
	var lines []string
	tr.branch(&lines, "", roots, latest, children)
	text := strings.Join(lines, "")
	if n := tr.sub.Dropped(); n > 0 {
		text += fmt.Sprintf("(%d records were lost)\n", n)
	}
	return (&names{}).normalise(text)
}

func (tr *Trace) branch(lines *[]string, indent string, ids []string, latest map[string]engine.Record, children map[string][]string) {
	if tr.Sort {
		ids = slices.Clone(ids)
		slices.SortStableFunc(ids, func(a, b string) int { return strings.Compare(sortKey(latest[a]), sortKey(latest[b])) })
	}
	for _, id := range ids {
		r := latest[id]
		if slices.Contains(tr.Skip, r.Name) {
			continue
		}
		*lines = append(*lines, indent+line(r)+"\n")
		tr.branch(lines, indent+"  ", children[id], latest, children)
	}
}

// sortKey is the line without what differs between runs.
func sortKey(r engine.Record) string { return (&names{}).normalise(line(r)) }

// line writes one job.
func line(r engine.Record) string {
	var b strings.Builder
	b.WriteString(r.Name + "(" + strings.Join(r.Args, ", ") + ")")
	for _, key := range slices.Sorted(maps.Keys(r.Env)) {
		b.WriteString(" " + key + "=" + strconv.Quote(r.Env[key]))
	}
	switch {
	case !r.Ended:
		b.WriteString(" …")
	case r.Status == engine.StatusOK:
		b.WriteString(" = OK")
	default:
		b.WriteString(" = " + r.Kind + ": " + strings.ReplaceAll(r.Error, "\n", " "))
	}
	return b.String()
}

// Golden compares the tree with a file; see Golden, the function.
func (tr *Trace) Golden(t testing.TB, file string) {
	t.Helper()
	Golden(t, file, tr.String())
}
