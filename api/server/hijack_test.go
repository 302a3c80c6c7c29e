package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/pkg/stdcopy"
	"golang.org/x/net/websocket"
)

// listen serves a bench on a unix socket and returns its path.
func (b *bench) listen() string {
	b.t.Helper()
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		b.t.Fatal(err)
	}
	srv := &http.Server{Handler: b.srv.Handler("")}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	b.t.Cleanup(func() {
		_ = srv.Close()
		<-done
		_ = os.RemoveAll(dir)
	})
	return path
}

// dial sends the head of an attach request, and perhaps more right behind it.
func dial(t *testing.T, path, target, headers, more string) (*net.UnixConn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n%s\r\n%s", target, headers, more)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, r, resp
}

const upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n"

func attachBench(t *testing.T, tty bool, handler engine.Handler) *bench {
	b := newBench(t)
	b.fake("container_inspect", fmt.Sprintf(`{"Config":{"Tty":%v}}`, tty))
	b.eng.Replace("attach", handler)
	return b
}

// echo reads all input, then writes it to both outputs.
func echo(job *engine.Job) error {
	in, err := io.ReadAll(job.Stdin)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(job.Stdout, "out %s", in); err != nil {
		return err
	}
	_, err = fmt.Fprintf(job.Stderr, "err %s", in)
	return err
}

func TestAttachFramesAndHalfCloses(t *testing.T) {
	for _, c := range []struct {
		version, headers string
		status           int
		media            string
	}{
		{"/v1.50", upgrade, 101, "application/vnd.docker.multiplexed-stream"},
		{"/v1.50", "", 200, "application/vnd.docker.multiplexed-stream"},
		{"/v1.41", upgrade, 101, "application/vnd.docker.raw-stream"},
		{"/v1.6", "", 200, "application/vnd.docker.raw-stream"},
	} {
		b := attachBench(t, false, echo)
		conn, r, resp := dial(t, b.listen(), c.version+"/containers/x/attach?stream=1&stdin=1&stdout=1&stderr=1", c.headers, "early ")
		if resp.StatusCode != c.status || resp.Header.Get("Content-Type") != c.media {
			t.Fatalf("%v: got %d %v", c, resp.StatusCode, resp.Header)
		}
		fmt.Fprint(conn, "late")
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if _, err := stdcopy.Copy(&out, &errs, r); err != nil {
			t.Fatal(err)
		}
		if out.String() != "out early late" || errs.String() != "err early late" {
			t.Errorf("%v: got %q and %q", c, out.String(), errs.String())
		}
	}
}

func TestAttachTerminalIsRaw(t *testing.T) {
	b := attachBench(t, true, echo)
	conn, r, resp := dial(t, b.listen(), "/containers/x/attach?stdin=1", upgrade, "")
	if got := resp.Header.Get("Content-Type"); got != "application/vnd.docker.raw-stream" {
		t.Errorf("media %q", got)
	}
	fmt.Fprint(conn, "x")
	_ = conn.CloseWrite()
	out, err := io.ReadAll(r)
	if err != nil || string(out) != "out xerr x" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestAttachEndsWhileInputIsOpen(t *testing.T) {
	b := attachBench(t, true, func(job *engine.Job) error {
		_, err := io.WriteString(job.Stdout, strings.Repeat("bye", 100000))
		return err
	})
	conn, r, _ := dial(t, b.listen(), "/containers/x/attach?stdin=1", upgrade, strings.Repeat("unread", 1000))
	out, err := io.ReadAll(r)
	if err != nil || len(out) != 300000 {
		t.Errorf("got %d bytes, %v", len(out), err)
	}
	_ = conn.Close()
}

// TestAttachHeadWaitsForTheJob: a client starts the container when it has seen
// the head, so the head must not be early.
func TestAttachHeadWaitsForTheJob(t *testing.T) {
	joined := false
	b := attachBench(t, false, func(job *engine.Job) error {
		time.Sleep(50 * time.Millisecond)
		joined = job.GetenvBool("headers")
		_, err := job.Stdout.Write(nil)
		return err
	})
	_, r, resp := dial(t, b.listen(), "/containers/x/attach?stdout=1", upgrade, "")
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 || resp.StatusCode != 101 || !joined {
		t.Errorf("status %d, joined %v, %q, %v", resp.StatusCode, joined, rest, err)
	}
}

func TestAttachErrorIsToldInTheStream(t *testing.T) {
	b := attachBench(t, false, func(*engine.Job) error { return errors.New("no luck") })
	_, r, resp := dial(t, b.listen(), "/containers/x/attach?stdout=1", upgrade, "")
	var out bytes.Buffer
	if _, err := stdcopy.Copy(&out, &out, r); err != nil || resp.StatusCode != 101 || out.String() != "Error attaching: no luck\n" {
		t.Errorf("got %d %q, %v", resp.StatusCode, out.String(), err)
	}
}

// TestAttachClientVanishes covers a client that dies silently: while the
// container is quiet, after a half-close, and with input that nobody reads.
func TestAttachClientVanishes(t *testing.T) {
	for _, name := range []string{"quiet", "half-closed", "unread input", "unread input, half-closed"} {
		t.Run(name, func(t *testing.T) {
			started, ended := make(chan struct{}), make(chan error, 1)
			b := attachBench(t, false, func(job *engine.Job) error {
				if _, err := job.Stdout.Write(nil); err != nil { // joined: the client may see the head
					return err
				}
				if !strings.HasPrefix(name, "unread") {
					_, err := io.Copy(io.Discard, job.Stdin)
					_ = err
				}
				close(started)
				<-job.Context().Done()
				ended <- context.Cause(job.Context())
				return job.Context().Err()
			})
			conn, _, _ := dial(t, b.listen(), "/containers/x/attach?stdin=1&stdout=1", upgrade, "")
			if strings.HasPrefix(name, "unread") {
				fmt.Fprint(conn, strings.Repeat("x", 20000))
			}
			if strings.HasSuffix(name, "half-closed") {
				_ = conn.CloseWrite()
				<-started
				select {
				case err := <-ended:
					t.Fatalf("a half-close ended the job: %v", err)
				case <-time.After(50 * time.Millisecond):
				}
			}
			_ = conn.Close()
			select {
			case <-ended:
			case <-time.After(5 * time.Second):
				t.Fatal("the job outlived its client")
			}
		})
	}
}

func TestRequestEndsWithItsClient(t *testing.T) {
	b := newBench(t)
	started, ended := make(chan struct{}), make(chan struct{})
	b.eng.Replace("wait", func(job *engine.Job) error {
		if _, err := job.Stdout.Write(nil); err != nil {
			return err
		}
		close(started)
		<-job.Context().Done()
		close(ended)
		return job.Context().Err()
	})
	conn, err := net.Dial("unix", b.listen())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "POST /v1.30/containers/x/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	<-started
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil) // the head comes before the end
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	_ = conn.Close()
	<-ended
}

// openSocket opens a websocket and waits for the answer to its handshake.
func openSocket(t *testing.T, listener, path string) *websocket.Conn {
	t.Helper()
	conn, err := net.Dial("unix", listener)
	if err != nil {
		t.Fatal(err)
	}
	config, err := websocket.NewConfig("ws://x"+path, "http://x")
	if err != nil {
		t.Fatal(err)
	}
	ws, err := websocket.NewClient(config, conn)
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

func TestAttachWebsocket(t *testing.T) {
	b := attachBench(t, false, func(job *engine.Job) error {
		buf := make([]byte, 5)
		if _, err := io.ReadFull(job.Stdin, buf); err != nil {
			return err
		}
		_, err := fmt.Fprintf(job.Stdout, "got %s", buf)
		return err
	})
	ws := openSocket(t, b.listen(), "/v1.50/containers/x/attach/ws?stream=1&stdin=1&stdout=1")
	fmt.Fprint(ws, "hello")
	out, err := io.ReadAll(ws)
	if err != nil || string(out) != "got hello" {
		t.Errorf("got %q, %v", out, err)
	}
	_ = ws.Close()
}

// TestWebsocketHandshakeWaitsForTheJob: a client starts the container when its
// socket is open, so that must not be early.
func TestWebsocketHandshakeWaitsForTheJob(t *testing.T) {
	var joined atomic.Bool
	b := attachBench(t, false, func(job *engine.Job) error {
		time.Sleep(50 * time.Millisecond)
		joined.Store(job.GetenvBool("headers"))
		if _, err := job.Stdout.Write(nil); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, job.Stdin)
		return err
	})
	ws := openSocket(t, b.listen(), "/containers/x/attach/ws?stream=1")
	if !joined.Load() {
		t.Error("the socket is open before the job has joined")
	}
	_ = ws.Close()
}

func TestWebsocketClientVanishes(t *testing.T) {
	ended := make(chan struct{})
	b := attachBench(t, false, func(job *engine.Job) error {
		defer close(ended)
		if _, err := job.Stdout.Write(nil); err != nil { // joined
			return err
		}
		<-job.Context().Done()
		return job.Context().Err()
	})
	ws := openSocket(t, b.listen(), "/containers/x/attach/ws")
	_ = ws.Close()
	<-ended
}
