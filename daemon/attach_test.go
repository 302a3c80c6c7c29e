package daemon

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// client is an attached client under test.
type client struct {
	job      *engine.Job
	out, err safeBuffer
	in       *io.PipeWriter
	cancel   context.CancelFunc
	end      chan error
}

func (f *fixture) attach(name string, pairs ...string) *client {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	c := &client{cancel: cancel, end: make(chan error, 1)}
	c.job = env(f.eng.Job("attach", name), append([]string{"stream", "1", "stdout", "1", "stderr", "1"}, pairs...)...)
	c.job.SetContext(ctx)
	c.job.Stdout.Add(&c.out)
	c.job.Stderr.Add(&c.err)
	r, w := io.Pipe()
	c.in = w
	if err := c.job.Stdin.Add(r); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { w.Close(); cancel() })
	go func() { c.end <- c.job.Run() }()
	return c
}

func (c *client) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-c.end:
		if err != nil {
			t.Fatalf("attach: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the attach did not end")
	}
}

// joined waits until so many clients wait for or follow a container.
func (f *fixture) joined(id string, n int) {
	f.t.Helper()
	h := &f.containers.byID(id).hub
	eventually(f.t, fmt.Sprintf("%d clients attached", n), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		have := len(h.waiting)
		if h.now != nil {
			have += len(h.now.clients)
		}
		return have == n
	})
}

func TestAttach_BeforeStartSeesEverything(t *testing.T) {
	f := setup(t)
	id := f.create("talk", "echo one; echo two >&2; exit 4")
	a, b := f.attach("talk"), f.attach("talk", "stderr", "0")
	f.joined(id, 2)
	f.run("start", "talk")
	a.wait(t)
	b.wait(t)
	if a.out.String() != "one\n" || a.err.String() != "two\n" || b.out.String() != "one\n" || b.err.String() != "" {
		t.Errorf("%q %q, %q %q", a.out.String(), a.err.String(), b.out.String(), b.err.String())
	}
	f.wait("talk", "not-running")
	f.run("rm", "talk")
	f.empty()
}

func TestAttach_StdinOnceClosesTheInput(t *testing.T) {
	f := setup(t)
	id := f.create("cat", "cat", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.OpenStdin, c.StdinOnce = true, true })
	a := f.attach("cat", "stdin", "1")
	f.joined(id, 1)
	f.run("start", "cat")
	io.WriteString(a.in, "hello\n")
	a.in.Close()
	a.wait(t)
	if a.out.String() != "hello\n" {
		t.Errorf("got %q", a.out.String())
	}
}

func TestAttach_DetachKeysLeaveTheContainerRunning(t *testing.T) {
	f := setup(t)
	id := f.create("tty", "cat", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.OpenStdin, c.Tty = true, true })
	f.run("start", "tty")
	a := f.attach("tty", "stdin", "1")
	f.joined(id, 1)
	io.WriteString(a.in, "x\x10")
	io.WriteString(a.in, "\x11")
	a.wait(t)
	if !f.inspect("tty").State.Running {
		t.Error("the container ended")
	}
	b := f.attach("tty", "stdin", "1", "detachKeys", "a,b")
	f.joined(id, 1)
	io.WriteString(b.in, "qab")
	b.wait(t)
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("attach", "tty"), "detachKeys", "ctrl-%"))
	if ev := f.events.take(); strings.Count(ev, "detach") != 2 {
		t.Errorf("events %q", ev)
	}
}

func TestAttach_AClientThatVanishesHoldsNobodyUp(t *testing.T) {
	f := setup(t)
	id := f.create("loud", "tick 400 0.001; echo end")
	stuck := f.attach("loud")
	f.joined(id, 1)
	// A client that reads nothing: its queue fills and the pipe behind it.
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	dead := env(f.eng.Job("attach", "loud"), "stream", "1", "stdout", "1").SetContext(ctx)
	dead.Stdout.Add(w)
	end := make(chan error, 1)
	go func() { end <- dead.Run() }()
	f.joined(id, 2)
	f.run("start", "loud")
	time.Sleep(20 * time.Millisecond)
	cancel()
	r.Close()
	<-end
	f.wait("loud", "not-running")
	h := &f.containers.byID(id).hub
	h.mu.Lock()
	if h.now != nil && len(h.now.clients) > 1 {
		t.Error("the vanished client is still there")
	}
	h.mu.Unlock()
	stuck.cancel()
	<-stuck.end
	f.run("rm", "loud")
	f.empty()
}

func TestAttach_Cancel(t *testing.T) {
	f := setup(t)
	id := f.create("idle", "sleep 60")
	a := f.attach("idle", "stdin", "1")
	f.joined(id, 1)
	a.cancel()
	select {
	case err := <-a.end:
		if !errdefs.Is(err, errdefs.KindCanceled) {
			t.Errorf("error %v", err)
		}
	case <-time.After(time.Second):
		t.Fatal("the attach did not end")
	}
	f.joined(id, 0)
}

func TestAttach_EndsWithAFailedStartAndWithRm(t *testing.T) {
	f := setup(t)
	id := f.create("bad", "x", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.Cmd = runconfig.Strings{"nonesuch"} })
	a := f.attach("bad")
	f.joined(id, 1)
	f.fails(errdefs.KindNotFound, f.eng.Job("start", "bad"))
	a.wait(t)
	b := f.attach("bad")
	f.joined(id, 1)
	f.run("rm", "bad")
	select {
	case err := <-b.end: // nothing is said to one who was let in
		if err != nil {
			t.Errorf("attach: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the attach did not end")
	}
}

func TestAttach_NobodyMeansNoSubscription(t *testing.T) {
	f := setup(t)
	id := f.create("run", "sleep 60")
	f.run("start", "run")
	c := f.containers.byID(id)
	if c.hub.now != nil {
		t.Error("there is a subscription without a client")
	}
	a := f.attach("run")
	f.joined(id, 1)
	a.cancel()
	<-a.end
	eventually(t, "the end of the subscription", func() bool {
		c.hub.mu.Lock()
		defer c.hub.mu.Unlock()
		return c.hub.now == nil
	})
}

func TestDetector(t *testing.T) {
	for _, tc := range []struct {
		keys, in, pass string
		detach         bool
		rest           string
	}{
		{"\x10\x11", "abc", "abc", false, ""},
		{"\x10\x11", "ab\x10\x11c", "ab", true, ""},
		{"\x10\x11", "a\x10b\x10", "a\x10b", false, "\x10"},
		{"\x10\x11", "\x10\x10\x11", "\x10", true, ""},
		{"aab", "aaab", "a", true, ""},
		{"aab", "aac", "aac", false, ""},
		{"", "x\x10\x11", "x\x10\x11", false, ""},
	} {
		for _, size := range []int{1, 100} {
			d := detector{keys: []byte(tc.keys)}
			var pass string
			detach := false
			for in := tc.in; in != "" && !detach; {
				n := min(size, len(in))
				var p []byte
				p, detach = d.feed([]byte(in[:n]))
				pass += string(p)
				in = in[n:]
			}
			if pass != tc.pass || detach != tc.detach || string(d.rest()) != tc.rest {
				t.Errorf("%q in %q by %d: pass %q, detach %v, rest %q", tc.keys, tc.in, size, pass, detach, d.rest())
			}
		}
	}
}
