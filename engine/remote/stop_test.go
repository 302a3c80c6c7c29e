package remote_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
)

// A server that stops takes the jobs of its sessions along, soon, and their
// callers hear of it.
func TestServerStops(t *testing.T) {
	for name, connect := range map[string]func(s *served) *remote.Engine{
		"http1": func(s *served) *remote.Engine { return dial(t, "tcp://"+s.address) },
		"http2": func(s *served) *remote.Engine { return dial(t, s.url, remote.WithHTTP2()) },
	} {
		t.Run(name, func(t *testing.T) {
			eng := newEngine(t)
			srv := serveH2C(t, eng)
			there := connect(srv)
			jobs := make([]*engine.Job, 10)
			for i := range jobs {
				jobs[i] = there.Job("hang")
				if err := jobs[i].Start(); err != nil {
					t.Fatal(err)
				}
			}
			for len(eng.Running()) < len(jobs) {
				time.Sleep(time.Millisecond)
			}
			start := time.Now()
			srv.stop()
			for _, job := range jobs {
				if err := job.Wait(); !errdefs.Is(err, errdefs.KindUnavailable) {
					t.Errorf("a job of the stopped server: %v", err)
				}
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("the callers heard of it after %v", took)
			}
			if err := there.Job("echo").Run(); !errdefs.Is(err, errdefs.KindUnavailable) {
				t.Errorf("a job for a stopped server: %v", err)
			}
			nothingRuns(t, eng)
		})
	}
}

// Jobs that need a connection which does not come wait as long as they like,
// each for itself, and try together.
func TestRedialIsShared(t *testing.T) {
	eng := newEngine(t)
	srv := serveUnix(t, eng)
	var dials atomic.Int32
	var mute atomic.Bool
	var first net.Conn
	there := dial(t, "unix://"+srv.socket, remote.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		if mute.Load() {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		first = conn
		return conn, err
	}))
	mute.Store(true)
	_ = first.Close()
	start := time.Now()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			limit := time.Duration(50+i) * time.Millisecond
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			// The first ones may still meet the connection that is ending.
			err := there.Job("echo").SetContext(ctx).Run()
			if !errdefs.Is(err, errdefs.KindDeadline) && !errdefs.Is(err, errdefs.KindUnavailable) {
				t.Errorf("job %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(start); took > 2*time.Second || dials.Load() > 3 {
		t.Errorf("%d attempts in %v", dials.Load(), took)
	}
	mute.Store(false)
	if out, err := there.Job("echo", "back").Output(); err != nil || string(out) != "back" {
		t.Errorf("afterwards: %q %v", out, err)
	}
}

// What is too large for a call is refused, and the connection lives on.
func TestHugeCall(t *testing.T) {
	eng := newEngine(t)
	there := dial(t, "unix://"+serveUnix(t, eng).socket)
	job := there.Job("who")
	job.Setenv("K", strings.Repeat("v", wire.MaxCall))
	if err := job.Run(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("%v", err)
	}
	large := strings.Repeat("v", wire.MaxCall/2)
	if out, err := there.Job("echo", large).Output(); err != nil || string(out) != large {
		t.Errorf("an argument of %d bytes: %d bytes, %v", len(large), len(out), err)
	}
	if there.ID() != eng.ID() {
		t.Error("the connection is another one")
	}
}

// counting is a connection that knows how much came and went.
type counting struct {
	net.Conn
	in, out *atomic.Int64
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.Add(int64(n))
	return n, err
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.out.Add(int64(n))
	return n, err
}

// Streams are packed on the network, and not on the same host.
func TestSessionCompresses(t *testing.T) {
	eng := newEngine(t)
	text := bytes.Repeat([]byte("an easy thing to pack\n"), 100000)
	for url, packed := range map[string]bool{
		"tcp://" + serveH2C(t, eng).address:  true,
		"unix://" + serveUnix(t, eng).socket: false,
	} {
		var in, out atomic.Int64
		there := dial(t, url, remote.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return counting{conn, &in, &out}, err
		}))
		job := there.Job("cat")
		if err := job.Stdin.Add(bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := job.Output(); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes, %v", url, len(got), err)
		}
		if less := in.Load() < int64(len(text))/4 && out.Load() < int64(len(text))/4; less != packed {
			t.Errorf("%s: %d bytes in, %d out, of %d", url, in.Load(), out.Load(), len(text))
		}
	}
}

// One engine in the place of another: its jobs come first, the rest is there.
func TestForwardingKeepsOwnJobs(t *testing.T) {
	far := newEngine(t)
	near := enginetest.New(t)
	if err := near.Register("echo", func(job *engine.Job) error { job.Printf("near"); return nil }); err != nil {
		t.Fatal(err)
	}
	near.RegisterCatchall(dial(t, "unix://"+serveUnix(t, far).socket).Handle)
	for name, want := range map[string]string{"echo": "near", "mute": ""} {
		if out, err := near.Job(name, "far").Output(); err != nil || string(out) != want {
			t.Errorf("%s: %q %v", name, out, err)
		}
	}
}
