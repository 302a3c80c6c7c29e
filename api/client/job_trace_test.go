package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
)

// at is a time of the tests.
func at(ms float64) time.Time { return testNow.Add(time.Duration(ms * float64(time.Millisecond))) }

// began and over make the records of a job "ab.ID".
func began(id int, parent, name string, from float64) engine.Record {
	return engine.Record{ID: fmt.Sprintf("ab.%d", id), Parent: parent, Name: name, Started: at(from)}
}

func over(id int, parent, name string, from, took float64) engine.Record {
	r := began(id, parent, name, from)
	r.Ended, r.Duration = true, time.Duration(took*float64(time.Millisecond))
	return r
}

func lines(t testing.TB, list ...any) string {
	t.Helper()
	var b strings.Builder
	for _, v := range list {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	return b.String()
}

// newFakeTrace makes an engine whose job_trace writes the lines of past at once
// and, when somebody follows, those of live, each when it is sent. The record of
// the job that asks for the running ones comes between them, as from an engine.
func newFakeTrace(t testing.TB, past string, running []engine.JobInfo, live <-chan string) *engine.Engine {
	t.Helper()
	eng := newFakeJobs(t)
	asked := make(chan engine.Record, 64)
	register(t, eng, "jobs", func(job *engine.Job) error {
		asked <- engine.Record{ID: "ab.99", Parent: job.ID(), Name: "jobs", Started: testNow, Ended: true}
		return job.WriteJSON(running)
	})
	register(t, eng, "job_trace", func(job *engine.Job) error {
		job.Warnf("12 records were lost")
		if _, err := io.WriteString(job.Stdout, past); err != nil || !job.GetenvBool("follow") {
			return err
		}
		for {
			select {
			case r := <-asked:
				if err := job.WriteJSON(r); err != nil {
					return err
				}
			case text, ok := <-live:
				if !ok {
					return nil
				}
				if _, err := io.WriteString(job.Stdout, text); err != nil {
					return err
				}
			case <-job.Context().Done():
				return context.Cause(job.Context())
			}
		}
	})
	return eng
}

// lost is what the fake says on its standard error.
const lost = "12 records were lost\n"

func clockText(ms float64) string { return at(ms).Local().Format("15:04:05.000") }

func TestJobTraceLast(t *testing.T) {
	start := over(3, "ab.2", "start", 13, 31)
	start.Args, start.Phases = []string{"web", "a b"}, []engine.Phase{{Name: "cgroup", Duration: 1200 * time.Microsecond}, {Name: "exec", Duration: 20 * time.Millisecond}}
	failed := over(4, "ab.3", "link", 14, 0.25)
	failed.Kind, failed.Error = "not_found", "no such container:\ndb"
	create := over(2, "cd.9", "create", 0, 45.25)
	create.Client, create.BytesOut, create.BytesIn, create.Queued = "uid:0", 65, 2100, 5*time.Millisecond
	create.Env = map[string]string{"b": "x y", "a": "1"}
	// Children end before their parents. ab.8 belongs to one that is not known,
	// ab.9 to one that still runs.
	past := lines(t, over(1, "", "version", -90000000, 0.004), failed, start, create, over(8, "ab.6", "kid", 60, 61001),
		over(9, "ab.7", "step", 70, 1))
	running := []engine.JobInfo{{ID: "ab.7", Name: "pull", Started: at(61)}, {ID: "ab.70", Name: "serveapi", Started: at(-9999)}}
	eng := newFakeTrace(t, past, running, nil)
	tree := fmt.Sprintf(`%s    45.2ms  create  uid:0  ab.2  queued 5.00ms  in 2.1 kB  out 65 B
     +13.0ms    31.0ms    start web "a b"  [cgroup 1.20ms, exec 20.0ms]
     +14.0ms    0.25ms      link  FAILED not_found: no such container: db
`, clockText(0))
	orphan := clockText(60) + "      1m1s  kid  of ab.6  ab.8\n"
	now := clockText(61) + "   running  pull  ab.7\n     +9.00ms    1.00ms    step\n"
	old := at(-90000000).Local().Format("Jan 02 15:04") + "    0.00ms  version  ab.1\n"
	dockerJob(t, eng, nil, "trace").want(t, 0, old+now+tree+orphan, lost)
	dockerJob(t, eng, nil, "trace", "-n", "2").want(t, 0, tree+orphan, lost)
	dockerJob(t, eng, nil, "trace", "-n", "0").want(t, 0, "", lost)
	dockerJob(t, eng, nil, "trace", "--job", "4").want(t, 0, tree, lost)
	dockerJob(t, eng, nil, "trace", "--job", "ab.8").want(t, 0, orphan, lost)
	dockerJob(t, eng, nil, "trace", "--job", "b.8").want(t, 0, "", lost)
	if r := dockerJob(t, eng, nil, "trace", "-e"); !strings.Contains(r.out, `  out 65 B  a=1  b="x y"
`) {
		t.Errorf("%+v", r)
	}
	dockerJob(t, eng, nil, "trace", "--format", "json").want(t, 0, past, lost)
	dockerJob(t, eng, nil, "trace", "--format", "json", "--job", "6").want(t, 0, lines(t, over(8, "ab.6", "kid", 60, 61001)), lost)
	dockerJob(t, eng, nil, "trace", "--format", "{{.ID}}").want(t, 1, "", "--format {{.ID}}: a trace is a tree for people, or json\n")
	dockerJob(t, eng, nil, "trace", "-n", "-1").want(t, 1, "", "-n -1: a number from 0 on is wanted\n")
}

// follow runs job trace -f beside do, which sends records and looks at the
// output; then the command is ended.
func follow(t *testing.T, past string, running []engine.JobInfo, do func(send func(...any), shows func(string), live chan string), words ...string) result {
	t.Helper()
	live := make(chan string)
	eng := newFakeTrace(t, past, running, live)
	var out, errOut lockedBuffer
	cli := newJobCLI(eng, Streams{Out: &out, Err: &errOut})
	cli.now = func() time.Time { return at(200) }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	code := make(chan int, 1)
	go func() { code <- cli.report(cli.dispatch(ctx, append([]string{"job", "trace", "-f"}, words...))) }()
	send := func(list ...any) { live <- lines(t, list...) }
	shows := func(text string) {
		t.Helper()
		for range 200 {
			if strings.HasSuffix(out.String(), text) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("shows %q, want %q at the end", out.String(), text)
	}
	do(send, shows, live)
	cancel()
	return result{<-code, out.String(), errOut.String()}
}

func TestJobTraceFollow(t *testing.T) {
	running := []engine.JobInfo{{ID: "ab.1", Name: "hold", Client: "uid:7", Started: at(-60000)}, {ID: "ab.2", Name: "pull", Started: at(-1)}}
	r := follow(t, lines(t, over(5, "", "old", -3, 1), over(6, "", "older", -2, 1)), running, func(send func(...any), shows func(string), _ chan string) {
		shows(clockText(-2) + "    1.00ms  older  ab.6\n" +
			clockText(-60000) + "   running  hold  uid:7  ab.1\n" + clockText(-1) + "   running  pull  ab.2\n")
		// Two trees at once, one after the other in the output.
		send(began(10, "", "create", 1), began(11, "", "stop", 1.5), began(12, "ab.10", "image_inspect", 2), began(13, "ab.11", "kill", 2))
		send(over(13, "ab.11", "kill", 2, 1), over(12, "ab.10", "image_inspect", 2, 0.5), over(11, "", "stop", 1.5, 3))
		shows(clockText(1.5) + "    3.00ms  stop  ab.11\n     +0.50ms    1.00ms    kill\n")
		send(over(10, "", "create", 1, 9))
		shows(clockText(1) + "    9.00ms  create  ab.10\n     +1.00ms    0.50ms    image_inspect\n")
		// A child that outlives its parent.
		send(began(20, "ab.2", "fetch", 3))
		shows(clockText(3) + "   running  fetch  of ab.2  ab.20\n")
		send(over(2, "", "pull", -1, 8))
		shows(clockText(-1) + "    8.00ms  pull  ab.2\n     +4.00ms   running    fetch\n")
		send(over(20, "ab.2", "fetch", 3, 70))
		shows(clockText(3) + "    70.0ms  fetch  of ab.2  ab.20\n")
		send(began(30, "", "slow", 5))
		shows(clockText(5) + "   running  slow  ab.30\n")
	}, "-n", "1")
	if r.code != 130 || r.err != lost || strings.Contains(r.out, "jobs") {
		t.Errorf("%+v", r)
	}
}

// The engine ends: that is said, after what is known has been shown.
func TestJobTraceEngineEnds(t *testing.T) {
	r := follow(t, "", nil, func(send func(...any), shows func(string), live chan string) {
		send(began(1, "", "create", 1), over(1, "", "create", 1, 9))
		shows("create  ab.1\n")
		live <- "garbage\n"
		time.Sleep(100 * time.Millisecond)
	})
	if r.code != 1 || !strings.HasPrefix(r.err, lost+"reading the records of jobs: ") || !strings.Contains(r.out, "create") {
		t.Errorf("%+v", r)
	}
}

func TestJobTraceFollowJSON(t *testing.T) {
	past := lines(t, over(1, "", "a", 0, 1))
	next := lines(t, began(2, "", "b", 1), over(2, "", "b", 1, 1))
	r := follow(t, past, nil, func(_ func(...any), shows func(string), live chan string) {
		live <- next
		shows(next)
	}, "--format", "json")
	if !strings.HasPrefix(r.out, past) {
		t.Errorf("%+v", r)
	}
}

// A forest forgets what it has shown, whatever comes.
func TestJobForestIsBounded(t *testing.T) {
	shown := 0
	f := newJobForest(func(*jobNode) { shown++ })
	for i := range 5 * forestLimit {
		f.add(began(3*i, "", "never ends", 1))
		f.add(over(3*i+1, fmt.Sprintf("ab.%d", 1<<30+i), "kid of nobody", 1, 1))
		f.add(over(3*i+2, fmt.Sprintf("ab.%d", 3*i), "kid", 1, 1))
	}
	if len(f.nodes) > forestLimit || len(f.gone) > 2*goneLimit+forestLimit || shown == 0 {
		t.Errorf("%d nodes, %d gone, %d shown", len(f.nodes), len(f.gone), shown)
	}
}
