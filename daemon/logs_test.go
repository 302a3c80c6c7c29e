package daemon

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// writeLog writes the log of a container as the exec engine would.
func (f *fixture) writeLog(id string, lines ...string) {
	f.t.Helper()
	c := f.containers.byID(id)
	w, err := os.OpenFile(c.logPath(c.now()), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	defer w.Close()
	for i, line := range lines {
		stream := "stdout"
		if i%2 == 1 {
			stream = "stderr"
		}
		fmt.Fprintf(w, `{"log":%q,"stream":%q,"time":"2026-01-02T03:04:0%d.5Z"}`+"\n", line, stream, i%10)
	}
}

func TestLogs_Choices(t *testing.T) {
	f := setup(t)
	id := f.create("log", "true")
	f.writeLog(id, "zero\n", "one\n", "two\n", "three\n")
	for _, tc := range []struct {
		pairs    []string
		out, err string
	}{
		{[]string{"stdout", "1", "stderr", "1"}, "zero\ntwo\n", "one\nthree\n"},
		{[]string{"stdout", "1"}, "zero\ntwo\n", ""},
		{[]string{"stdout", "1", "tail", "2"}, "two\n", ""},
		{[]string{"stdout", "1", "tail", "0"}, "", ""},
		{[]string{"stdout", "1", "tail", "all"}, "zero\ntwo\n", ""},
		{[]string{"stdout", "1", "tail", "bad"}, "zero\ntwo\n", ""}, // as the classic engine: no number is all
		{[]string{"stdout", "1", "tail", "-2"}, "zero\ntwo\n", ""},
		{[]string{"stdout", "1", "timestamps", "1", "tail", "2"}, "2026-01-02T03:04:02.500000000Z two\n", ""},
		{[]string{"stderr", "1", "since", "2026-01-02T03:04:02Z"}, "", "three\n"},
		{[]string{"stdout", "1", "until", "1767323041.0"}, "zero\n", ""},
	} {
		res := enginetest.Run(env(f.eng.Job("logs", "log"), tc.pairs...))
		if res.Err != nil || res.Stdout != tc.out || res.Stderr != tc.err {
			t.Errorf("%v: %q, %q, %v", tc.pairs, res.Stdout, res.Stderr, res.Err)
		}
	}
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("logs", "log"))
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("logs", "log"), "stdout", "1", "since", "yesterday"))
	f.fails(errdefs.KindNotFound, env(f.eng.Job("logs", "nobody"), "stdout", "1"))
	f.create("mute", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.LogConfig.Type = "none" })
	f.fails(errdefs.KindNotImplemented, env(f.eng.Job("logs", "mute"), "stdout", "1"))
}

func TestLogs_FollowEndsWithTheContainer(t *testing.T) {
	f := setup(t)
	id := f.create("log", "sleep 60")
	f.run("start", "log")
	var out safeBuffer
	job := env(f.eng.Job("logs", "log"), "stdout", "1", "follow", "1")
	job.Stdout.Add(&out)
	end := make(chan error, 1)
	go func() { end <- job.Run() }()
	f.writeLog(id, "one\n")
	eventually(t, "the line", func() bool { return out.String() == "one\n" })
	f.writeLog(id, "last\n")
	f.run("kill", "log")
	if err := <-end; err != nil || out.String() != "one\nlast\n" {
		t.Fatalf("%v, %q", err, out.String())
	}
}

func TestLogs_FollowIsCancelled(t *testing.T) {
	f := setup(t)
	f.create("log", "sleep 60")
	f.run("start", "log")
	ctx, cancel := context.WithCancel(t.Context())
	job := env(f.eng.Job("logs", "log"), "stdout", "1", "follow", "1").SetContext(ctx)
	end := make(chan error, 1)
	go func() { end <- job.Run() }()
	time.Sleep(10 * time.Millisecond)
	cancel()
	select {
	case err := <-end:
		if !errdefs.Is(err, errdefs.KindCanceled) {
			t.Error(err)
		}
	case <-time.After(time.Second):
		t.Fatal("the follow did not end")
	}
}

func TestAttach_ReplaysTheLog(t *testing.T) {
	f := setup(t)
	id := f.create("log", "true")
	f.writeLog(id, "one\n", "two\n")
	var out bytes.Buffer
	job := env(f.eng.Job("attach", "log"), "logs", "1", "stdout", "1")
	job.Stdout.Add(&out)
	if err := job.Run(); err != nil || out.String() != "one\n" {
		t.Fatalf("%v, %q", err, out.String())
	}
}
