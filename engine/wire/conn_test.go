package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/engine/wire/deflate"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/testutil"
)

func waiting(started chan<- *engine.Job) engine.Declaration {
	return engine.Declaration{Name: "hang", Waits: true, Handler: func(job *engine.Job) error {
		started <- job
		<-job.Context().Done()
		return job.Context().Err()
	}}
}

func TestEverythingCrosses(t *testing.T) {
	s := serve(t, wire.ServeOptions{}, wire.ConnOptions{}, engine.Declaration{
		Name: "all", Args: []engine.Arg{{Name: "A", Variadic: true}}, Env: []engine.Key{{Name: "k"}, {Name: "b", Type: engine.Bool}},
		Stdin: engine.Bytes, Stdout: engine.Multiplexed,
		Handler: func(job *engine.Job) error {
			job.Warnf("k has %d bytes", len(job.Getenv("k")))
			in, err := io.ReadAll(job.Stdin)
			job.Printf("%q %v %d", job.Args, job.GetenvBool("b"), len(in))
			return err
		},
	}, engine.Declaration{Name: "fail", Handler: func(*engine.Job) error {
		return &errdefs.Error{Kind: errdefs.KindConflict, Code: -3, Err: errors.New("no way")}
	}})
	for _, size := range []int{0, 1, 4096, wire.MaxPayload + 1, 3 << 20} {
		job := s.near.Job("all", "a\x00", "")
		job.Setenv("k", strings.Repeat("v", size))
		job.SetenvBool("b", true)
		if err := job.Stdin.Add(bytes.NewReader(make([]byte, size))); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		job.Stderr.Add(&stderr)
		out, err := job.Output()
		if want := fmt.Sprintf("%q true %d", []string{"a\x00", ""}, size); err != nil || string(out) != want {
			t.Fatalf("got %s, %v; want %s", out, err, want)
		}
		if want := fmt.Sprintf("k has %d bytes\n", size); stderr.String() != want {
			t.Fatalf("stderr is %q, want %q", stderr.String(), want)
		}
	}
	var e *errdefs.Error
	err := s.near.Job("fail").Run()
	if !errors.As(err, &e) || e.Kind != errdefs.KindConflict || e.Code != -3 || err.Error() != "no way" {
		t.Errorf("got %#v", err)
	}
	if err := s.near.Job("nothing").Run(); !errdefs.Is(err, errdefs.KindUnknownJob) || engine.StatusOf(err) != 127 {
		t.Errorf("got %v", err)
	}
	if s.conn.Peer() != s.far.ID() {
		t.Errorf("the peer is %q", s.conn.Peer())
	}
}

// Random chunks in both directions at once arrive as they were written.
func TestStreamsKeepTheirBytes(t *testing.T) {
	s := serve(t, wire.ServeOptions{Window: 5000}, wire.ConnOptions{Window: 7000}, echo())
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			want := make([]byte, 1<<20+r.IntN(1000))
			for i := range want {
				want[i] = byte(r.Uint32())
			}
			job := s.near.Job("echo")
			w, err := job.Stdin.AddPipe()
			if err != nil {
				t.Error(err)
				return
			}
			go func() {
				for rest := want; len(rest) > 0; {
					n := min(len(rest), 1+r.IntN(60000))
					_, _ = w.Write(rest[:n])
					rest = rest[n:]
				}
				_ = w.Close()
			}()
			if got, err := job.Output(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %d bytes of %d, %v", len(got), len(want), err)
			}
		})
	}
	all.Wait()
}

func TestCancelCrosses(t *testing.T) {
	started := make(chan *engine.Job, 1)
	s := serve(t, wire.ServeOptions{}, wire.ConnOptions{}, waiting(started))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	testutil.Within(t, time.Second, "a cancel", func() {
		if err := s.near.Job("hang").SetContext(ctx).Run(); !errdefs.Is(err, errdefs.KindCanceled) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDeadlineCrosses(t *testing.T) {
	started := make(chan *engine.Job, 1)
	s := serve(t, wire.ServeOptions{}, wire.ConnOptions{}, waiting(started))
	ctx, cancel := context.WithTimeout(t.Context(), 80*time.Millisecond)
	defer cancel()
	err := s.near.Job("hang").SetContext(ctx).Run()
	if !errdefs.Is(err, errdefs.KindDeadline) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if deadline, ok := (<-started).Context().Deadline(); !ok || time.Until(deadline) > 80*time.Millisecond {
		t.Errorf("the deadline there is %v, %v", deadline, ok)
	}
}

// A handler that ignores its cancel keeps its caller for the grace only.
func TestDeafHandler(t *testing.T) {
	release := make(chan struct{})
	started := make(chan struct{}, 1)
	s := serve(t, wire.ServeOptions{}, wire.ConnOptions{Grace: 50 * time.Millisecond},
		engine.Declaration{Name: "deaf", Handler: func(*engine.Job) error { started <- struct{}{}; <-release; return nil }}, echo())
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	testutil.Within(t, time.Second, "the grace", func() {
		if err := s.near.Job("deaf").SetContext(ctx).Run(); !errdefs.Is(err, errdefs.KindCanceled) {
			t.Errorf("got %v", err)
		}
	})
	if out, err := s.near.Job("echo", "x").Output(); err != nil || string(out) != "x" {
		t.Errorf("another call: %q, %v", out, err)
	}
	close(release)
}

func TestCallerCrosses(t *testing.T) {
	seen := make(chan *engine.Caller, 1)
	s := serve(t, wire.ServeOptions{Caller: &engine.Caller{Client: "uid:7", UID: 7, PID: 8, Network: "unix"}}, wire.ConnOptions{},
		engine.Declaration{Name: "who", Handler: func(job *engine.Job) error { seen <- job.Caller(); return nil }})
	ctx := engine.WithCaller(t.Context(), &engine.Caller{Trace: "00-trace-01", Via: []string{"first"}})
	job := s.near.Job("who").SetContext(ctx)
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	c := <-seen
	if c.Client != "uid:7" || c.PID != 8 || c.Parent != job.ID() || c.Trace != "00-trace-01" ||
		strings.Join(c.Via, " ") != "first "+s.near.ID() {
		t.Errorf("the caller is %+v", c)
	}
}

// far forwards what it does not know to near, which forwards it to far.
func TestLoopIsRefused(t *testing.T) {
	s := &side{near: engine.New(), far: engine.New(), served: make(chan error, 1)}
	back := &side{near: s.far, far: s.near, served: make(chan error, 1)}
	s.link(t, wire.ServeOptions{}, wire.ConnOptions{})
	back.link(t, wire.ServeOptions{}, wire.ConnOptions{})
	testutil.Within(t, 2*time.Second, "a loop", func() {
		err := s.near.Job("nobody").Run()
		if !errdefs.Is(err, errdefs.KindConflict) || !strings.Contains(err.Error(), "loop") {
			t.Errorf("got %v", err)
		}
	})
	via := make([]string, wire.MaxHops)
	for i := range via {
		via[i] = fmt.Sprint("engine", i)
	}
	ctx := engine.WithCaller(t.Context(), &engine.Caller{Via: via})
	if err := s.near.Job("commands").SetContext(ctx).Run(); err != nil { // near has it itself
		t.Error(err)
	}
	if err := s.near.Job("nobody").SetContext(ctx).Run(); !errdefs.Is(err, errdefs.KindConflict) {
		t.Errorf("17 hops: %v", err)
	}
}

func TestEndFailsEveryCall(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	started := make(chan *engine.Job, 20)
	ends := map[string]func(s *side){
		"the socket of the callee": func(s *side) { _ = s.raw[1].Close() },
		"the socket of the caller": func(s *side) { _ = s.raw[0].Close() },
		"the context of Serve":     func(s *side) { s.leave() },
		"Close":                    func(s *side) { _ = s.conn.Close() },
	}
	for what, end := range ends {
		s := serve(t, wire.ServeOptions{}, wire.ConnOptions{}, waiting(started))
		over := make(chan error, 10)
		for range 10 {
			job := s.near.Job("hang")
			if _, err := job.Stdin.AddPipe(); err != nil { // an input that never ends
				t.Fatal(err)
			}
			go func() { over <- job.Run() }()
			<-started
		}
		begin := time.Now()
		end(s)
		for range 10 {
			select {
			case err := <-over:
				if !errdefs.Is(err, errdefs.KindUnavailable) && !(what == "the context of Serve" && errdefs.Is(err, errdefs.KindCanceled)) {
					t.Errorf("%s: got %v", what, err)
				}
			case <-time.After(time.Second):
				t.Fatalf("%s: a call hangs", what)
			}
		}
		if d := time.Since(begin); d > 200*time.Millisecond {
			t.Errorf("%s: the calls failed after %v", what, d)
		}
		<-s.conn.Done()
		if s.conn.Err() == nil {
			t.Errorf("%s: the connection has no error", what)
		}
		if err := s.near.Job("hang").Run(); !errdefs.Is(err, errdefs.KindUnavailable) {
			t.Errorf("%s: a new call: %v", what, err)
		}
	}
}

// A destination that takes nothing stops its own call and no other, and the
// other side keeps no more than the window.
func TestSlowReaderStopsItselfOnly(t *testing.T) {
	var written atomic.Int64
	stuck := make(chan struct{})
	s := serve(t, wire.ServeOptions{}, wire.ConnOptions{Window: 100_000}, echo(), engine.Declaration{
		Name: "flood", Stdout: engine.Bytes, Handler: func(job *engine.Job) error {
			buf := make([]byte, 10_000)
			time.AfterFunc(200*time.Millisecond, func() { close(stuck) })
			for range 100 {
				if _, err := job.Stdout.Write(buf); err != nil {
					return err
				}
				written.Add(int64(len(buf)))
			}
			return nil
		},
	})
	job := s.near.Job("flood")
	out := job.Stdout.AddPipe()
	over := make(chan error, 1)
	go func() { over <- job.Run() }()
	<-stuck
	for range 100 {
		if got, err := s.near.Job("echo", "x").Output(); err != nil || string(got) != "x" {
			t.Fatalf("another call: %q, %v", got, err)
		}
	}
	if got, err := io.ReadAll(out); err != nil || len(got) != 1_000_000 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if err := <-over; err != nil || written.Load() != 1_000_000 {
		t.Errorf("%d bytes written, %v", written.Load(), err)
	}
}

// A handler that does not read its input ends all the same, and its caller too.
func TestUnreadInput(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	s := serve(t, wire.ServeOptions{}, wire.ConnOptions{}, engine.Declaration{
		Name: "ignore", Stdin: engine.Bytes, Handler: func(*engine.Job) error { time.Sleep(20 * time.Millisecond); return nil },
	})
	for range 20 {
		job := s.near.Job("ignore")
		if err := job.Stdin.AddCloser(io.NopCloser(&zeros{10 << 20})); err != nil {
			t.Fatal(err)
		}
		testutil.Within(t, time.Second, "a job that reads nothing", func() {
			if err := job.Run(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTooManyAndTooLong(t *testing.T) {
	started := make(chan *engine.Job, 3)
	s := serve(t, wire.ServeOptions{MaxCalls: 3}, wire.ConnOptions{}, waiting(started), echo())
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { _ = s.near.Job("hang").SetContext(ctx).Run() })
		<-started
	}
	if err := s.near.Job("echo").Run(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	all.Wait()
	if err := s.near.Job("echo", strings.Repeat("x", wire.MaxCall)).Run(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("too long: %v", err)
	}
	if out, err := s.near.Job("echo", "x").Output(); err != nil || string(out) != "x" {
		t.Errorf("after that: %q, %v", out, err)
	}
}

// An engine that leaves lets jobs end and takes no new ones.
func TestDrain(t *testing.T) {
	release := make(chan struct{})
	started := make(chan struct{}, 1)
	s := serve(t, wire.ServeOptions{Drain: 5 * time.Second}, wire.ConnOptions{}, engine.Declaration{
		Name: "slow", Stdout: engine.Bytes,
		Handler: func(job *engine.Job) error { started <- struct{}{}; <-release; job.Printf("done"); return nil },
	})
	over := make(chan error, 1)
	go func() {
		out, err := s.near.Job("slow").Output()
		if err == nil && string(out) != "done" {
			err = fmt.Errorf("got %q", out)
		}
		over <- err
	}()
	<-started
	s.leave()
	<-s.conn.Leaving()
	if err := s.near.Job("slow").Run(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("a new call: %v", err)
	}
	close(release)
	if err := <-over; err != nil {
		t.Error(err)
	}
	testutil.Within(t, time.Second, "the end", func() { <-s.conn.Done() })
}

func TestKeepAlive(t *testing.T) {
	alive := serve(t, wire.ServeOptions{KeepAlive: 20 * time.Millisecond}, wire.ConnOptions{KeepAlive: 20 * time.Millisecond})
	a, b := sockets(t)
	defer b.Close()
	go func() { // says hello and nothing more
		_, _ = b.Write(wire.AppendFrame(nil, wire.Frame{Type: wire.FrameHello,
			Payload: wire.AppendHello(nil, &wire.Hello{Version: wire.Version, MaxCalls: 1, Window: 1})}))
		_, _ = io.Copy(io.Discard, b)
	}()
	silent, err := wire.NewConn(wire.NewStream(a, wire.StreamOptions{}), wire.ConnOptions{KeepAlive: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	testutil.Within(t, time.Second, "noticing the silence", func() { <-silent.Done() })
	time.Sleep(100 * time.Millisecond)
	if err := alive.conn.Err(); err != nil {
		t.Errorf("one that answers: %v", err)
	}
}

func TestCompression(t *testing.T) {
	for _, kind := range []string{"zeros", "noise"} {
		a, b := sockets(t)
		count := &counting{Conn: a}
		eng := engine.New()
		if err := eng.Declare(echo()); err != nil {
			t.Fatal(err)
		}
		over := make(chan error, 1)
		go func() {
			over <- wire.Serve(t.Context(), eng, wire.NewStream(b, wire.StreamOptions{Codec: deflate.Codec{}, Compress: true}), wire.ServeOptions{})
		}()
		conn, err := wire.NewConn(wire.NewStream(count, wire.StreamOptions{Codec: deflate.Codec{}, Compress: true}), wire.ConnOptions{})
		if err != nil {
			t.Fatal(err)
		}
		near := engine.NewEmpty()
		near.RegisterCatchall(conn.Handle)
		want := make([]byte, 4<<20)
		if kind == "noise" {
			r := rand.New(rand.NewPCG(1, 2))
			for i := range want {
				want[i] = byte(r.Uint32())
			}
		}
		job := near.Job("echo")
		if err := job.Stdin.Add(bytes.NewReader(want)); err != nil {
			t.Fatal(err)
		}
		got, err := job.Output()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s: got %d bytes, %v", kind, len(got), err)
		}
		if kind == "zeros" && count.read.Load() > 1<<20 {
			t.Errorf("%d bytes came for %d zeros", count.read.Load(), len(want))
		}
		_ = conn.Close()
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
}
