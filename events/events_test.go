package events

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func newEvents(t testing.TB) (*Events, *engine.Engine) {
	t.Helper()
	eng := enginetest.New(t)
	e := New(Options{})
	if err := e.Install(eng); err != nil {
		t.Fatal(err)
	}
	return e, eng
}

// replay returns the actions of all stored events that fit.
func replay(t testing.TB, eng *engine.Engine, env ...string) string {
	t.Helper()
	job := eng.Job("events")
	job.Setenv("since", "1")
	job.Setenv("until", time.Now().Add(-time.Nanosecond).Format(time.RFC3339Nano))
	for i := 0; i < len(env); i += 2 {
		job.Setenv(env[i], env[i+1])
	}
	var got []string
	dec := json.NewDecoder(strings.NewReader(enginetest.MustRun(t, job)))
	for dec.More() {
		var ev api.Event
		if err := dec.Decode(&ev); err != nil {
			t.Fatal(err)
		}
		got = append(got, ev.Action)
	}
	return strings.Join(got, " ")
}

func TestLogJob(t *testing.T) {
	e, eng := newEvents(t)
	job := eng.Job("log", "start", "abc", "busybox:latest")
	if err := job.SetenvJson("attributes", map[string]string{"name": "web"}); err != nil {
		t.Fatal(err)
	}
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	ev := *e.journal.Load().entries[0].event
	if ev.Status != "start" || ev.ID != "abc" || ev.From != "busybox:latest" || ev.Type != "container" ||
		ev.Actor.Attributes["name"] != "web" || ev.Actor.Attributes["image"] != "busybox:latest" ||
		ev.Time == 0 || ev.TimeNano/1e9 != ev.Time {
		t.Errorf("got %+v", ev)
	}
	job = eng.Job("log", "create", "net1", "")
	job.Setenv("type", "network")
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	if line := string(e.journal.Load().entries[1].line); strings.Contains(line, `"status"`) || strings.Contains(line, `"id"`) {
		t.Errorf("a network event has classic members: %s", line)
	}
}

func TestLogIsSynchronousAndOrdered(t *testing.T) {
	e, _ := newEvents(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				e.Log(TypeImage, "tag", "x", nil)
			}
		})
	}
	wg.Wait()
	if len(e.journal.Load().entries) != 200 {
		t.Fatalf("%d events stored", len(e.journal.Load().entries))
	}
	stored := e.journal.Load().entries
	for i := 1; i < 200; i++ {
		if stored[i].event.TimeNano <= stored[i-1].event.TimeNano {
			t.Fatal("two events at one time")
		}
	}
	for range held {
		e.Log(TypeImage, "tag", "x", nil)
	}
	if len(e.journal.Load().entries) != held {
		t.Errorf("%d events are held", len(e.journal.Load().entries))
	}
	if past, _ := e.subscribe(nil, 1, 0, false); len(past) != kept {
		t.Errorf("%d events can be brought back", len(past))
	}
}

func TestFilters(t *testing.T) {
	e, eng := newEvents(t)
	web := map[string]string{"name": "web", "image": "reg:5000/nginx:1.2"}
	e.Log(TypeContainer, "exec_start: ls -l", "c1ffee", web)
	web["tier"] = "front" // the event before has its own copy
	e.Log(TypeContainer, "create", "c1ffee", web)
	e.Log(TypeContainer, "die", "c2beef", map[string]string{"name": "db", "image": "sql", "tier": "back"})
	e.Log(TypeImage, "tag", "sha256:1234", map[string]string{"name": "sql:9"})
	e.Log(TypeVolume, "mount", "vol", nil)
	for filters, want := range map[string]string{
		``:                                 "exec_start: ls -l create die tag mount",
		`{"container":["web"]}`:            "exec_start: ls -l create",
		`{"container":{"web":true}}`:       "exec_start: ls -l create",
		`{"container":{"web":false}}`:      "exec_start: ls -l create die tag mount",
		`{"container":["/db"]}`:            "die",
		`{"container":["c1"]}`:             "exec_start: ls -l create",
		`{"container":["we"]}`:             "exec_start: ls -l create",
		`{"event":["exec_start"]}`:         "exec_start: ls -l",
		`{"container":["nobody"]}`:         "",
		`{"event":["die","tag"]}`:          "die tag",
		`{"image":["reg:5000/nginx"]}`:     "exec_start: ls -l create",
		`{"image":["sql"]}`:                "die tag",
		`{"image":["sha256:1234"]}`:        "tag",
		`{"label":["tier"]}`:               "create die",
		`{"label":["tier=back"]}`:          "die",
		`{"label":["tier=back","name"]}`:   "die",
		`{"type":["image","volume"]}`:      "tag mount",
		`{"volume":["vol"]}`:               "mount",
		`{"type":["image"],"event":["x"]}`: "",
	} {
		if got := replay(t, eng, "filters", filters); got != want {
			t.Errorf("%s: %q, want %q", filters, got, want)
		}
	}
}

func TestBadInput(t *testing.T) {
	_, eng := newEvents(t)
	for _, env := range [][]string{
		{"filters", "{"}, {"filters", "[]"}, {"filters", `{"colour":["red"]}`}, {"filters", `{"event":"start"}`},
		{"since", "yesterday"}, {"until", "1.1234567890"}, {"since", "20", "until", "10"}, {"overrideShutdown", "1"},
	} {
		job := eng.Job("events")
		for i := 0; i < len(env); i += 2 {
			job.Setenv(env[i], env[i+1])
		}
		if err := job.Run(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%q: %v", env, err)
		}
	}
	if err := eng.Job("log", "start").Run(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("too few arguments: %v", err)
	}
}

func TestSinceAndUntil(t *testing.T) {
	clock := time.Unix(1000, 0)
	e := New(Options{Now: func() time.Time { return clock }})
	eng := enginetest.New(t)
	if err := e.Install(eng); err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"a", "b", "c"} {
		e.Log(TypeContainer, action, "x", nil)
		clock = clock.Add(500 * time.Millisecond)
	}
	clock = time.Unix(2000, 0)
	for span, want := range map[[2]string]string{
		{"1000", "1001"}:                 "a b c",
		{"1000.5", "1000.9"}:             "b",
		{"1000.500000001", "1500"}:       "c",
		{"1970-01-01T00:16:41Z", "1001"}: "c",
		{"0", "1500"}:                    "a b c", // the end alone: all that is stored
		{"1", "1970-01-01T00:16:40.5Z"}:  "a b",
	} {
		if got := replay(t, eng, "since", span[0], "until", span[1]); got != want {
			t.Errorf("%v: %q, want %q", span, got, want)
		}
	}
}

func TestFollow(t *testing.T) {
	e, eng := newEvents(t)
	e.Log(TypeContainer, "old", "x", nil)
	e.Log(TypeContainer, "older", "y", nil)
	ctx, cancel := context.WithCancel(context.Background())
	job := eng.Job("events").SetContext(ctx)
	job.Setenv("since", "1")
	r := job.Stdout.AddPipe()
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(r)
	next := func() string {
		var ev api.Event
		if err := dec.Decode(&ev); err != nil {
			t.Fatal(err)
		}
		return ev.Action
	}
	got := next() + " " + next()
	for i := range 3 {
		e.Log(TypeContainer, fmt.Sprint("new", i), "x", nil)
	}
	got += " " + next() + " " + next() + " " + next()
	if got != "old older new0 new1 new2" {
		t.Errorf("got %s", got)
	}
	if out := enginetest.MustRun(t, eng.Job("subscribers_count")); out != "{\"count\":1}\n" {
		t.Errorf("count: %s", out)
	}
	cancel()
	if err := job.Wait(); err != nil {
		t.Errorf("the reader left and the job says %v", err)
	}
	if e.Subscribers() != 0 {
		t.Error("the subscription is left")
	}
}

func TestUntilEndsTheJob(t *testing.T) {
	e, eng := newEvents(t)
	job := eng.Job("events")
	job.SetenvTime("until", time.Now().Add(50*time.Millisecond))
	go e.Log(TypeContainer, "start", "x", nil)
	begin := time.Now()
	enginetest.MustRun(t, job)
	if d := time.Since(begin); d > 2*time.Second || e.Subscribers() != 0 {
		t.Errorf("it took %v", d)
	}
}

// flushed tells when the first write came.
type flushed chan int

func (f flushed) Write(p []byte) (int, error) {
	select {
	case f <- len(p):
	default:
	}
	return len(p), nil
}

func TestHeadersGoOutAtOnce(t *testing.T) {
	_, eng := newEvents(t)
	f := make(flushed, 1)
	job := eng.Job("events")
	job.Stdout.Add(f)
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case n := <-f:
		if n != 0 {
			t.Errorf("the first write has %d bytes", n)
		}
	case <-time.After(2 * time.Second):
		t.Error("nothing was written")
	}
	job.Cancel()
	if err := job.Wait(); err != nil {
		t.Error(err)
	}
}

func TestSlowReaderIsDroppedAndTold(t *testing.T) {
	e, eng := newEvents(t)
	job := eng.Job("events")
	r := job.Stdout.AddPipe()
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(nil); err != nil { // the zero bytes at the beginning
		t.Fatal(err)
	}
	for e.Subscribers() == 0 {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	for e.Subscribers() != 0 { // its first write hangs; then it falls behind
		e.Log(TypeContainer, "start", "x", nil)
		if time.Since(begin) > 5*time.Second {
			t.Fatal("the slow reader is still there")
		}
	}
	dec := json.NewDecoder(r)
	n := 0
	for {
		var ev api.Event
		if dec.Decode(&ev) != nil {
			break
		}
		n++
	}
	// None may have come: it can be too late before it takes the first.
	if err := job.Wait(); !errdefs.Is(err, errdefs.KindUnavailable) || n > held {
		t.Errorf("%d events, then %v", n, err)
	}
}

func BenchmarkLog(b *testing.B) {
	e := New(Options{})
	attrs := map[string]string{"name": "web", "image": "busybox"}
	for b.Loop() {
		e.Log(TypeContainer, "start", "c1ffee", attrs)
	}
}

// BenchmarkLogFollowed is what one event costs the one that logs it while ten
// thousand follow.
func BenchmarkLogFollowed(b *testing.B) {
	e := New(Options{})
	ctx, cancel := context.WithCancel(b.Context())
	var readers sync.WaitGroup
	for range 10000 {
		readers.Go(func() { _ = e.follow(ctx, eventsOptions{}, func([]byte) error { return nil }) })
	}
	for e.Subscribers() < 10000 {
		time.Sleep(time.Millisecond)
	}
	var spent time.Duration
	for b.Loop() {
		begin := time.Now()
		e.Log(TypeContainer, "start", "c1ffee", nil)
		spent += time.Since(begin)
		time.Sleep(5 * time.Millisecond) // not one burst
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/log")
	cancel()
	readers.Wait()
}
