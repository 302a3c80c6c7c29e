package spawn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
)

// pair serves one engine to another and returns the one to call on.
func pair(t *testing.T, declare ...engine.Declaration) (*engine.Engine, *wire.Conn, context.CancelFunc) {
	t.Helper()
	far, near := enginetest.New(t), enginetest.New(t)
	if err := far.Declare(declare...); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), strings.Repeat("long", 20), "engine.sock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- Serve(ctx, far, l) }()
	c, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	near.RegisterCatchall(c.Handle)
	t.Cleanup(func() {
		_ = c.Close()
		cancel()
		if err := <-over; err != nil {
			t.Errorf("serving: %v", err)
		}
		_ = l.Close()
	})
	return near, c, cancel
}

func TestJobCrosses(t *testing.T) {
	eng, _, _ := pair(t, engine.Declaration{
		Name: "echo", Args: []engine.Arg{{Name: "A", Variadic: true}}, Env: []engine.Key{{Name: "k"}},
		Stdin: engine.Bytes, Stdout: engine.Multiplexed,
		Handler: func(job *engine.Job) error {
			job.Warnf("warned %s", job.Getenv("k"))
			in, err := io.ReadAll(job.Stdin)
			job.Printf("%q %d", job.Args, len(in))
			return err
		},
	}, engine.Declaration{
		Name: "fail", Handler: func(*engine.Job) error {
			return &errdefs.Error{Kind: errdefs.KindConflict, Code: 127, Err: errors.New("no way")}
		},
	})
	for _, size := range []int{0, 1, maxPayload + 1, 3 << 20} {
		job := eng.Job("echo", "a\x00", "")
		job.Setenv("k", strings.Repeat("v", 3*maxPayload))
		if err := job.Stdin.Add(bytes.NewReader(make([]byte, size))); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		job.Stderr.Add(&stderr)
		out, err := job.Output()
		if want := fmt.Sprintf("%q %d", []string{"a\x00", ""}, size); err != nil || string(out) != want {
			t.Fatalf("got %s, %v; want %s", out, err, want)
		}
		if stderr.Len() != len("warned \n")+3*maxPayload {
			t.Fatalf("stderr has %d bytes", stderr.Len())
		}
	}
	err := eng.Job("fail").Run()
	var e *errdefs.Error
	if !errors.As(err, &e) || e.Kind != errdefs.KindConflict || e.Code != 127 || err.Error() != "no way" {
		t.Fatalf("got %#v", err)
	}
	if err := eng.Job("nothing").Run(); !errdefs.Is(err, errdefs.KindUnknownJob) {
		t.Fatalf("got %v", err)
	}
}

func TestDescriptorsCross(t *testing.T) {
	eng, _, _ := pair(t, engine.Declaration{Name: "swap", Handler: func(job *engine.Job) error {
		defer closeAll(job.Files)
		if len(job.Files) != 1 {
			return errdefs.InvalidArgument("%d files", len(job.Files))
		}
		if _, err := job.Files[0].WriteString("hello"); err != nil {
			return err
		}
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer w.Close()
		job.AddResultFile(r)
		_, err = w.WriteString("back")
		return err
	}})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	job := eng.Job("swap")
	job.Files = []*os.File{w}
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "hello" {
		t.Fatalf("got %q, %v", b, err)
	}
	files := job.ResultFiles()
	if len(files) != 1 {
		t.Fatalf("got %d files back", len(files))
	}
	defer files[0].Close()
	if b, err := io.ReadAll(files[0]); err != nil || string(b) != "back" {
		t.Fatalf("got %q, %v", b, err)
	}
}

func waiting(started chan<- struct{}) engine.Declaration {
	return engine.Declaration{Name: "hang", Handler: func(job *engine.Job) error {
		started <- struct{}{}
		<-job.Context().Done()
		return job.Context().Err()
	}}
}

func TestCancelCrosses(t *testing.T) {
	started := make(chan struct{}, 1)
	eng, _, _ := pair(t, waiting(started))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	begin := time.Now()
	if err := eng.Job("hang").SetContext(ctx).Run(); !errdefs.Is(err, errdefs.KindCanceled) {
		t.Fatalf("got %v", err)
	}
	if d := time.Since(begin); d > time.Second {
		t.Fatalf("a cancel took %v", d)
	}
}

func TestDeathOfTheOtherSideFailsJobs(t *testing.T) {
	started := make(chan struct{}, 3)
	eng, c, kill := pair(t, waiting(started))
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if err := eng.Job("hang").Run(); !errdefs.Is(err, errdefs.KindUnavailable) &&
				!errdefs.Is(err, errdefs.KindCanceled) {
				t.Errorf("got %v", err)
			}
		})
		<-started
	}
	kill()
	all.Wait()
	<-c.Done()
	if err := eng.Job("hang").Run(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Fatalf("got %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	eng, _, _ := pair(t, engine.Declaration{
		Name: "double", Args: []engine.Arg{{Name: "S"}}, Stdout: engine.Bytes,
		Handler: func(job *engine.Job) error { job.Printf("%s%s", job.Args[0], job.Args[0]); return nil },
	})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			s := fmt.Sprint(i, ",")
			if out, err := eng.Job("double", s).Output(); err != nil || string(out) != s+s {
				t.Errorf("got %q, %v", out, err)
			}
		})
	}
	all.Wait()
}

func TestDialNobody(t *testing.T) {
	if _, err := Dial(filepath.Join(t.TempDir(), "none")); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Fatalf("got %v", err)
	}
}

// TestSendThatHangs cancels calls to a peer that reads nothing: each is left, and
// the connection stays.
func TestSendThatHangs(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := newPackets(pair[1])
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if err := peer.Send(wire.Frame{Type: wire.FrameHello, Payload: wire.AppendHello(nil, &wire.Hello{Version: wire.Version, MaxCalls: 100, Window: 1 << 20})}); err != nil {
		t.Fatal(err)
	}
	p, err := newPackets(pair[0])
	if err != nil {
		t.Fatal(err)
	}
	conn, err := wire.NewConn(p, wire.ConnOptions{Grace: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eng := enginetest.New(t)
	eng.RegisterCatchall(conn.Handle)
	begin := time.Now()
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := eng.Job("x", strings.Repeat("a", 1<<20)).SetContext(ctx).Run(); !errdefs.Is(err, errdefs.KindDeadline) {
				t.Errorf("got %v", err)
			}
		})
	}
	calls.Wait()
	if d := time.Since(begin); d > time.Second {
		t.Errorf("leaving took %v", d)
	}
	if err := conn.Err(); err != nil {
		t.Errorf("the connection has ended: %v", err)
	}
}
