package remote_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/errdefs"
)

// transports are all the ways to a session.
var transports = map[string]func(t *testing.T, eng *engine.Engine) *remote.Engine{
	"unix": func(t *testing.T, eng *engine.Engine) *remote.Engine {
		return dial(t, "unix://"+serveUnix(t, eng).socket)
	},
	"tcp": func(t *testing.T, eng *engine.Engine) *remote.Engine {
		return dial(t, "tcp://"+serveH2C(t, eng).address)
	},
	"http2 with prior knowledge": func(t *testing.T, eng *engine.Engine) *remote.Engine {
		return dial(t, serveH2C(t, eng).url, remote.WithHTTP2())
	},
	"https": func(t *testing.T, eng *engine.Engine) *remote.Engine {
		s := serveTLS(t, eng)
		return dial(t, s.url, remote.WithTLS(s.clientTLS("alice")))
	},
	"tcp with TLS": func(t *testing.T, eng *engine.Engine) *remote.Engine {
		s := serveTLS(t, eng)
		return dial(t, "tcp://"+s.address, remote.WithTLS(s.clientTLS("alice")))
	},
}

func dial(t testing.TB, url string, options ...remote.DialOption) *remote.Engine {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	there, err := remote.Dial(ctx, url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = there.Close() })
	return there
}

// A job there behaves like one here, on every transport.
func TestSession(t *testing.T) {
	for name, connect := range transports {
		t.Run(name, func(t *testing.T) {
			eng := newEngine(t)
			there := connect(t, eng)
			if there.ID() != eng.ID() {
				t.Errorf("the id is %q, want %q", there.ID(), eng.ID())
			}
			t.Run("streams", func(t *testing.T) { sessionStreams(t, there) })
			t.Run("results", func(t *testing.T) { sessionResults(t, there) })
			t.Run("cancel", func(t *testing.T) { sessionCancel(t, eng, there) })
			t.Run("many", func(t *testing.T) { sessionMany(t, there) })
			nothingRuns(t, eng)
		})
	}
}

func sessionStreams(t *testing.T, there *remote.Engine) {
	job := there.Job("say", "one", "", "two words")
	r := enginetest.Run(job)
	if r.Stdout != "one  two words\n" || r.Stderr != "careful\n" || !errdefs.IsConflict(r.Err) || r.Status != 1 {
		t.Errorf("say: %+v", r)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16)
	job = there.Job("cat")
	if err := job.Stdin.Add(bytes.NewReader(big)); err != nil {
		t.Fatal(err)
	}
	if out, err := job.Output(); err != nil || !bytes.Equal(out, big) {
		t.Errorf("cat: %d bytes, %v", len(out), err)
	}
	job = there.Job("who")
	job.Setenv("K", "v=w")
	job.SetenvBool("yes", true)
	out, err := job.Output()
	if err != nil || !strings.HasSuffix(string(out), `|false|{"K":"v=w","yes":"1"}`+"\n") {
		t.Errorf("who: %s %v", out, err)
	}
	names, err := there.Commands(context.Background())
	if err != nil || !slices.Contains(names, "strict") {
		t.Errorf("commands: %v %v", names, err)
	}
	list, err := there.Declarations(context.Background(), "strict")
	if err != nil || len(list) != 1 || !list[0].Declared || list[0].Env[0].Name != "count" {
		t.Errorf("declarations: %+v %v", list, err)
	}
}

func sessionResults(t *testing.T, there *remote.Engine) {
	for kind := errdefs.KindInternal; kind <= errdefs.KindUnknownJob; kind++ {
		job := there.Job("fail", kind.String(), "output")
		job.Setenv("text", "several\nlines, naïve")
		job.SetenvInt("code", 42)
		r := enginetest.Run(job)
		var e *errdefs.Error
		if !errdefs.Is(r.Err, kind) || !errors.As(r.Err, &e) || e.Code != 42 || r.Stdout != "output" ||
			r.Err.Error() != "failing: several\nlines, naïve" || r.Status != engine.StatusOf(r.Err) {
			t.Errorf("%v: %+v", kind, r)
		}
	}
	if r := enginetest.Run(there.Job("nojob")); r.Status != engine.StatusNotFound || r.Err == nil || r.Err.Error() != "nojob: command not found" {
		t.Errorf("an unknown job: %+v", r)
	}
	job := there.Job("strict", "x")
	job.Setenv("count", "seven")
	if r := enginetest.Run(job); !errdefs.Is(r.Err, errdefs.KindInvalidArgument) || !strings.Contains(r.Err.Error(), "count") {
		t.Errorf("a malformed key: %+v", r)
	}
	if r := enginetest.Run(there.Job("panic")); !errdefs.Is(r.Err, errdefs.KindInternal) || !strings.Contains(r.Err.Error(), "on purpose") {
		t.Errorf("a panic: %+v", r)
	}
}

func sessionCancel(t *testing.T, eng *engine.Engine, there *remote.Engine) {
	for name, end := range map[string]func(job *engine.Job) errdefs.Kind{
		"asked":   func(job *engine.Job) errdefs.Kind { job.Cancel(); return errdefs.KindCanceled },
		"no time": func(*engine.Job) errdefs.Kind { return errdefs.KindDeadline },
	} {
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if name == "no time" {
			ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
		}
		job := there.Job("hang").SetContext(ctx)
		job.Setenv("first", "x")
		out := job.Stdout.AddPipe()
		if err := job.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		want := end(job)
		if err := job.Wait(); !errdefs.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		nothingRuns(t, eng)
	}
}

func sessionMany(t *testing.T, there *remote.Engine) {
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			want := fmt.Sprintf("job %d", i)
			if out, err := there.Job("echo", want).Output(); err != nil || string(out) != want {
				t.Errorf("%s: %q %v", want, out, err)
			}
		})
	}
	wg.Wait()
}

// A connection that breaks fails its jobs, and the next job makes a new one.
func TestRedial(t *testing.T) {
	eng := newEngine(t)
	var mu sync.Mutex
	var conns []net.Conn
	srv := serveUnix(t, eng)
	there := dial(t, "unix://"+srv.socket, remote.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, conn)
		return conn, err
	}))
	for round := range 3 {
		job := there.Job("hang")
		if err := job.Start(); err != nil {
			t.Fatal(err)
		}
		for len(eng.Running()) == 0 {
			time.Sleep(time.Millisecond)
		}
		mu.Lock()
		if len(conns) != round+1 {
			t.Errorf("round %d: %d connections", round, len(conns))
		}
		_ = conns[len(conns)-1].Close()
		mu.Unlock()
		if err := job.Wait(); !errdefs.Is(err, errdefs.KindUnavailable) {
			t.Errorf("a job on a broken connection: %v", err)
		}
		if out, err := there.Job("echo", "again").Output(); err != nil || string(out) != "again" {
			t.Errorf("the next job: %q %v", out, err)
		}
		nothingRuns(t, eng)
	}
}

// Who cannot be reached is Unavailable, soon, and Close ends everything.
func TestDialFails(t *testing.T) {
	enginetest.New(t) // notices leaks
	silent, err := net.Listen("unix", filepath.Join(t.TempDir(), "silent"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	other := serveHandler(t, http.NotFoundHandler())
	for url, want := range map[string]errdefs.Kind{
		"unix:///nowhere/at/all":           errdefs.KindUnavailable,
		"tcp://127.0.0.1:1":                errdefs.KindUnavailable,
		"unix://" + silent.Addr().String(): errdefs.KindUnavailable,
		"unix://" + other.socket:           errdefs.KindNotFound, // it speaks HTTP, and has no engine
		"ftp://host/":                      errdefs.KindInvalidArgument,
		"tcp://host":                       errdefs.KindInvalidArgument,
		"unix://":                          errdefs.KindInvalidArgument,
		"http://%zz/":                      errdefs.KindInvalidArgument,
		"":                                 errdefs.KindInvalidArgument,
	} {
		for _, http2 := range []bool{false, true} {
			options := []remote.DialOption{remote.WithTimeout(200 * time.Millisecond)}
			if http2 {
				options = append(options, remote.WithHTTP2())
				if want == errdefs.KindNotFound {
					want = errdefs.KindUnavailable // nor does it speak HTTP/2
				}
			}
			start := time.Now()
			there, err := remote.Dial(context.Background(), url, options...)
			if !errdefs.Is(err, want) || strings.Contains(err.Error(), "\n") || time.Since(start) > 2*time.Second {
				t.Errorf("%s: %v after %v", url, err, time.Since(start))
			}
			if there != nil {
				_ = there.Close()
			}
		}
	}
}

// The caller of Dial, and of each job, waits no longer than it likes.
func TestDialIsBounded(t *testing.T) {
	enginetest.New(t)
	silent, err := net.Listen("unix", filepath.Join(t.TempDir(), "silent"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := remote.Dial(ctx, "unix://"+silent.Addr().String()); !errdefs.Is(err, errdefs.KindDeadline) || time.Since(start) > time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestClose(t *testing.T) {
	eng := newEngine(t)
	there := dial(t, "unix://"+serveUnix(t, eng).socket)
	job := there.Job("hang")
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	for len(eng.Running()) == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := there.Close(); err != nil {
		t.Error(err)
	}
	if err := job.Wait(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("the job that ran: %v", err)
	}
	if err := there.Job("echo").Run(); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("a later job: %v", err)
	}
	nothingRuns(t, eng)
}

// Engines forward what they do not know; a chain ends where the job is.
func TestForwarding(t *testing.T) {
	last := newEngine(t)
	middle, first := enginetest.New(t), enginetest.New(t)
	middle.RegisterCatchall(dial(t, "unix://"+serveUnix(t, last).socket).Handle)
	first.RegisterCatchall(dial(t, "unix://"+serveUnix(t, middle).socket).Handle)
	there := dial(t, "unix://"+serveUnix(t, first).socket)
	job := there.Job("who")
	job.Setenv("K", "V")
	out, err := job.Output()
	if err != nil || !strings.Contains(string(out), first.ID()+">"+middle.ID()+"|") || !strings.Contains(string(out), `{"K":"V"}`) {
		t.Errorf("%s %v", out, err)
	}
	if r := enginetest.Run(there.Job("nojob")); r.Status != engine.StatusNotFound {
		t.Errorf("a job that nobody knows: %+v", r)
	}
	if r := enginetest.Run(there.Job("fail", "not_modified")); !errdefs.IsNotModified(r.Err) {
		t.Errorf("an error through three engines: %+v", r)
	}
	job = there.Job("hang")
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	for len(last.Running()) == 0 {
		time.Sleep(time.Millisecond)
	}
	job.Cancel()
	if err := job.Wait(); !errdefs.Is(err, errdefs.KindCanceled) {
		t.Errorf("cancelled through three engines: %v", err)
	}
	for _, eng := range []*engine.Engine{last, middle, first} {
		nothingRuns(t, eng)
	}
}

// A circle of engines refuses what would go round in it.
func TestLoop(t *testing.T) {
	a, b := enginetest.New(t), enginetest.New(t)
	srvA, srvB := serveUnix(t, a), serveUnix(t, b)
	toA, toB := dial(t, "unix://"+srvA.socket), dial(t, "unix://"+srvB.socket)
	a.RegisterCatchall(toB.Handle)
	b.RegisterCatchall(toA.Handle)
	for name, run := range map[string]func() error{
		"local":   func() error { return a.Job("nojob").Run() },
		"session": func() error { return toB.Job("nojob").Run() },
		"plain": func() error {
			res, body := ask(t, srvA.client, srvA.url+"/nojob", nil)
			return errdefs.New(errdefs.ParseKind(res.Header.Get("Job-Error-Kind")), "%s", body)
		},
	} {
		err := run()
		if !errdefs.IsConflict(err) || !strings.Contains(err.Error(), a.String()) && !strings.Contains(err.Error(), b.String()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	nothingRuns(t, a)
	nothingRuns(t, b)
}

// The rights of a session are those of its certificate.
func TestMutualTLS(t *testing.T) {
	eng := newEngine(t)
	srv := serveTLS(t, eng)
	eng.SetAuthorizer(func(job *engine.Job) error {
		if c := job.Caller(); c.CommonName != "alice" || c.Network != "tls" || c.Client != "tls:alice" {
			return errdefs.Forbidden("%s may not run %s", c.Client, job.Name)
		}
		return nil
	})
	for _, url := range []string{srv.url, "tcp://" + srv.address} {
		alice := dial(t, url, remote.WithTLS(srv.clientTLS("alice")))
		if out, err := alice.Job("echo", "hello").Output(); err != nil || string(out) != "hello" {
			t.Errorf("%s: alice: %q %v", url, out, err)
		}
		bob := dial(t, url, remote.WithTLS(srv.clientTLS("bob")))
		if err := bob.Job("echo").Run(); !errdefs.Is(err, errdefs.KindForbidden) {
			t.Errorf("%s: bob: %v", url, err)
		}
		for who, config := range map[string]*tls.Config{
			"nobody":                       srv.clientTLS(""),
			"a stranger":                   stranger(t, srv),
			"who does not know the server": {},
		} {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			if there, err := remote.Dial(ctx, url, remote.WithTLS(config)); !errdefs.Is(err, errdefs.KindUnavailable) {
				t.Errorf("%s: %s: %v %v", url, who, there, err)
			}
			cancel()
		}
	}
}
