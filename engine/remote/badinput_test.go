package remote_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/errdefs"
)

// dialSocket opens a bare connection that fails the test rather than hang.
func dialSocket(t *testing.T, s *served) net.Conn {
	t.Helper()
	network, address := "unix", s.socket
	if address == "" {
		network, address = "tcp", s.address
	}
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

const upgradeHead = "GET /jobs/ HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: enginejobs/1\r\n\r\n"

// What is no request, or half of one, ends its own connection and nothing else.
func TestGarbage(t *testing.T) {
	eng := newEngine(t)
	srv := serveUnix(t, eng)
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	post := "POST /jobs/count HTTP/1.1\r\nHost: x\r\nJob-Protocol: 1\r\n"
	for name, sent := range map[string]string{
		"nothing":                  "",
		"noise":                    string(noise),
		"half a head":              "POST /jobs/count HTTP/1.1\r\nHost",
		"half a body":              post + "Content-Length: 10\r\n\r\nhalf",
		"half a chunk":             post + "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
		"a chunk of no size":       post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"a session, then nothing":  upgradeHead,
		"a session, then noise":    upgradeHead + string(noise),
		"a session, then HTTP":     upgradeHead + post + "\r\n",
		"a session, then zeroes":   upgradeHead + strings.Repeat("\x00", 64<<10),
		"a session, then a length": upgradeHead + "\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			conn := dialSocket(t, srv)
			go func() { // a peer that drops us early makes the write fail
				_, _ = io.WriteString(conn, sent)
				_ = conn.(*net.UnixConn).CloseWrite()
			}()
			if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("the server does not hang up: %v", err)
			}
		})
	}
	nothingRuns(t, eng)
	if _, body := ask(t, srv.client, srv.url+"/echo?a=alive", nil); body != "alive" {
		t.Errorf("afterwards: %q", body)
	}
}

// A head that is too large is refused by the server before we see it; ours are
// the limits below that.
func TestHugeHead(t *testing.T) {
	srv := serveUnix(t, newEngine(t))
	conn := dialSocket(t, srv)
	go func() {
		_, _ = io.WriteString(conn, "POST /jobs/echo HTTP/1.1\r\nHost: x\r\nJob-Protocol: 1\r\nJob-Env: K=")
		block := bytes.Repeat([]byte("v"), 64<<10)
		for range 64 {
			if _, err := conn.Write(block); err != nil {
				return
			}
		}
	}()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, " 431 ") {
		t.Errorf("%q %v", line, err)
	}
}

// A session that is asked for in the wrong way is refused with a sentence.
func TestUpgradeRefused(t *testing.T) {
	eng := newEngine(t)
	srv := serveUnix(t, eng)
	for head, want := range map[string]string{
		"GET /jobs/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: enginejobs/9\r\n\r\n":                           "enginejobs/1",
		"POST /jobs/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: enginejobs/1\r\nContent-Length: 1\r\n\r\n":     "GET of HTTP/1.1",
		"POST /jobs/ HTTP/1.1\r\nHost: x\r\nContent-Type: " + remote.FramesType + "\r\nContent-Length: 0\r\n\r\n":          "POST of HTTP/2",
		"GET /jobs/ HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\nConnection: Upgrade\r\nUpgrade: enginejobs/1\r\n\r\n":       "web page",
		"POST /jobs/echo HTTP/1.1\r\nHost: x\r\nJob-Protocol: 2\r\nContent-Length: 0\r\n\r\n":                              "version 1",
		"POST /jobs/%zz HTTP/1.1\r\nHost: x\r\nJob-Protocol: 1\r\nContent-Length: 0\r\n\r\n":                               "400",
		"POST /jobs/echo HTTP/1.1\r\nHost: x\r\nJob-Protocol: 1\r\nJob-Via: " + strings.Repeat("a, ", 20) + "b\r\n\r\n":    "engines",
		"POST /jobs/" + strings.Repeat("n", 5000) + " HTTP/1.1\r\nHost: x\r\nJob-Protocol: 1\r\nContent-Length: 0\r\n\r\n": "command not found",
	} {
		conn := dialSocket(t, srv)
		_, _ = io.WriteString(conn, head)
		r := bufio.NewReader(conn)
		first, _ := r.Peek(64)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%q: %q %v", head, first, err)
		}
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode < 400 || !strings.Contains(res.Status+string(body), want) {
			t.Errorf("%q: %s %s", head, res.Status, body)
		}
		_ = conn.Close()
	}
}

// One byte at a time is slow, and works.
func TestSlowWriter(t *testing.T) {
	srv := serveUnix(t, newEngine(t))
	conn := dialSocket(t, srv)
	for _, b := range []byte("POST /jobs/cat HTTP/1.1\r\nHost: x\r\nJob-Protocol: 1\r\nContent-Length: 5\r\n\r\nslowly") {
		if _, err := conn.Write([]byte{b}); err != nil {
			break // the sixth byte is one too many
		}
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "slowl" {
		t.Errorf("%q %v", body, err)
	}
}

// A caller that never reads holds its own job and a bounded amount of memory;
// when it leaves the job ends.
func TestNeverReads(t *testing.T) {
	eng := newEngine(t)
	srv := serveUnix(t, eng)
	for _, head := range []string{
		"GET /yes HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /yes HTTP/1.1\r\nHost: x\r\nJob-Protocol: 1\r\n\r\n",
		"GET /yes HTTP/1.1\r\nHost: x\r\nJob-Protocol: 1\r\nAccept: " + remote.FramesType + "\r\n\r\n",
	} {
		conn := dialSocket(t, srv)
		_, _ = io.WriteString(conn, head)
		for end := time.Now().Add(3 * time.Second); len(eng.Running()) == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the job does not start")
			}
		}
		time.Sleep(50 * time.Millisecond)
		if body := ""; len(eng.Running()) != 1 {
			t.Errorf("the job is gone: %q", body)
		}
		if _, body := ask(t, srv.client, srv.url+"/echo?a=others", nil); body != "others" {
			t.Errorf("another caller got %q", body)
		}
		_ = conn.Close()
		nothingRuns(t, eng)
	}
}

// A caller that closes its sending half in the middle of a request has left.
func TestHalfClosed(t *testing.T) {
	eng := newEngine(t)
	srv := serveUnix(t, eng)
	for _, head := range []string{
		"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /hang HTTP/1.1\r\nHost: x\r\nJob-Protocol: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
	} {
		conn := dialSocket(t, srv)
		_, _ = io.WriteString(conn, head)
		if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn)
		nothingRuns(t, eng)
	}
}

// A job that ignores its cancel does not hold the request for ever.
func TestStubbornJob(t *testing.T) {
	eng := newEngine(t)
	eng.SetGrace(20 * time.Millisecond)
	release := make(chan struct{})
	defer close(release)
	if err := eng.Register("stubborn", func(job *engine.Job) error {
		job.Printf("begun\n")
		<-release
		job.Printf("late\n")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	srv := serveUnix(t, eng)
	res, body := ask(t, srv.client, srv.url+"/stubborn", nil, "Job-Timeout-Ms: 20")
	if body != "begun\n" || res.Trailer.Get("Job-Error-Kind") != "deadline" {
		t.Errorf("plain: %q %v", body, res.Trailer)
	}
}

// FuzzPlain sends any path, query and headers in the plain form. Whatever it is,
// the answer is one of the documented statuses, and no panic.
func FuzzPlain(f *testing.F) {
	f.Add("/jobs/echo", "a=x&e=K=V", "K=V", "100", "id", "00-ab-cd-01")
	f.Add("/jobs/", "a=%", "=", "-1", ",,", "\xff")
	f.Add("//", "a&e&a=&e=", "%", "18446744073709551615", strings.Repeat("x,", 40), "")
	eng := engine.New()
	if err := eng.Register("echo", func(job *engine.Job) error {
		job.Printf("%s", strings.Join(job.Args, " "))
		return nil
	}); err != nil {
		f.Fatal(err)
	}
	h := remote.Handler(eng, remote.Options{})
	f.Fuzz(func(t *testing.T, path, query, env, timeout, via, trace string) {
		r := httptest.NewRequest("POST", "/", nil)
		r.URL = &url.URL{Path: path, RawQuery: query}
		for name, value := range map[string]string{
			"Job-Protocol": "1", "Job-Env": env, "Job-Timeout-Ms": timeout, "Job-Via": via, "Traceparent": trace,
		} {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		res := w.Result()
		switch res.StatusCode {
		case 200, 400, 404, 409, 413, 504:
		default:
			t.Errorf("status %d: %s", res.StatusCode, w.Body)
		}
		if res.StatusCode != 200 && (res.Header.Get("Job-Status") == "" || errdefs.ParseKind(res.Header.Get("Job-Error-Kind")) == errdefs.KindInternal) {
			t.Errorf("%d without a result: %v", res.StatusCode, res.Header)
		}
		for name, values := range res.Header {
			for _, v := range values {
				if strings.ContainsAny(v, "\r\n\x00") {
					t.Errorf("header %s is %q", name, v)
				}
			}
		}
	})
}

// FuzzClassic is the same for the classic form, which never refuses.
func FuzzClassic(f *testing.F) {
	f.Add("/v9/echo", "a=x&a=y%20z")
	f.Add("", "a=%zz;;&&")
	eng := engine.New()
	h := remote.Handler(eng, remote.Options{})
	f.Fuzz(func(t *testing.T, path, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: path, RawQuery: query}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 {
			t.Errorf("%q?%q: status %d", path, query, w.Code)
		}
	})
}

// One request with as many arguments as are allowed is not slow.
func TestManyArguments(t *testing.T) {
	srv := serveUnix(t, newEngine(t))
	var q strings.Builder
	for i := range remote.MaxEntries {
		_, _ = fmt.Fprintf(&q, "a=%d&", i)
	}
	start := time.Now()
	res, body := ask(t, srv.client, srv.url+"/echo?"+q.String(), nil)
	if res.StatusCode != 200 || !strings.HasSuffix(body, " 4095") || time.Since(start) > time.Second {
		t.Errorf("%d, %d bytes, %v", res.StatusCode, len(body), time.Since(start))
	}
}
