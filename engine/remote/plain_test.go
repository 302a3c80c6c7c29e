package remote_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/errdefs"
)

// ask sends one request in the plain form. Headers are "Name: value".
func ask(t *testing.T, client *http.Client, url string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest("POST", url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(remote.HeaderProtocol, "1")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func TestPlain(t *testing.T) {
	eng := newEngine(t)
	srv := serveTCP(t, eng)
	for _, c := range []struct {
		path, stdin string
		headers     []string
		body        string
		status      string // of the job, in the trailer
	}{
		{"/jobs/echo?a=one&a=&a=two%20words+plus", "", nil, "one  two words plus", "0"},
		{"/jobs/cat", "through and back", nil, "through and back", "0"},
		{"/jobs/count", strings.Repeat("x", 1<<20), nil, "1048576", "0"},
		{"/jobs/mute", "", nil, "", "0"},
		{"/jobs/strict?a=x&e=count=7", "", nil, "x 7", "0"},
		{"/jobs/strict?a=x&e=count%3D7", "", nil, "x 7", "0"},
		{"/jobs/strict?a=x", "", []string{"Job-Env: count=%37"}, "x 7", "0"},
		{"/jobs/who?e=K=v=w&e=L=", "", []string{"Job-Via: aa, bb", "Job-Parent: p.1", "Traceparent: 00-ab-cd-01", "Job-Timeout-Ms: 5000"},
			"tcp|tcp:127.0.0.1|aa>bb|p.1|00-ab-cd-01|true|{\"K\":\"v=w\",\"L\":\"\"}\n", "0"},
	} {
		res, body := ask(t, srv.Client(), srv.URL+c.path, strings.NewReader(c.stdin), c.headers...)
		if res.StatusCode != 200 || body != c.body || res.Trailer.Get("Job-Status") != c.status ||
			res.Header.Get("Job-Protocol") != "1" || !strings.HasPrefix(res.Header.Get("Job-Id"), eng.String()) {
			t.Errorf("%s: %d %q %v %v", c.path, res.StatusCode, body, res.Header, res.Trailer)
		}
	}
}

// What fails before the first byte of output has a status of its own.
func TestPlainRefusals(t *testing.T) {
	eng := newEngine(t)
	srv := serveTCP(t, eng)
	many := strings.Repeat("a=x&", remote.MaxEntries+1)
	for _, c := range []struct {
		path    string
		headers []string
		code    int
		kind    string
		status  string
		text    string // somewhere in the message
	}{
		{"/nojob", nil, 404, "unknown_job", "127", "nojob: command not found"},
		{"/jobs/", nil, 400, "invalid_argument", "1", "without the name"},
		{"/strict", nil, 400, "invalid_argument", "1", "WHAT"},
		{"/strict?a=x&a=y", nil, 400, "invalid_argument", "1", "strict"},
		{"/strict?a=x&e=count=seven", nil, 400, "invalid_argument", "1", "count"},
		{"/strict?a=x&e=overrideShutdown=1", nil, 400, "invalid_argument", "1", "overrideShutdown"},
		{"/strict?a=%zz", nil, 400, "invalid_argument", "1", "argument 1"},
		{"/strict?a=x&e=count", nil, 400, "invalid_argument", "1", `"count"`},
		{"/strict?a=x&e==7", nil, 400, "invalid_argument", "1", "no key"},
		{"/strict?a=x&e=count=%z", nil, 400, "invalid_argument", "1", `"count"`},
		{"/strict?a=x&env=count=7", nil, 400, "invalid_argument", "1", `"env"`},
		{"/strict?a=x", []string{"Job-Env: count"}, 400, "invalid_argument", "1", "Job-Env"},
		{"/strict?a=x", []string{"Job-Timeout-Ms: soon"}, 400, "invalid_argument", "1", "Job-Timeout-Ms"},
		{"/strict?a=x", []string{"Job-Timeout-Ms: 0"}, 400, "invalid_argument", "1", "Job-Timeout-Ms"},
		{"/echo?" + many, nil, 413, "invalid_argument", "1", "at most 4096"},
		{"/echo?a=" + strings.Repeat("x", remote.MaxQuery), nil, 413, "invalid_argument", "1", "at most"},
		{"/echo", []string{"Job-Via: one, " + eng.ID()}, 409, "conflict", "1", eng.String()},
		{"/echo", []string{"Origin: https://example.com"}, 403, "forbidden", "1", "example.com"},
		{"/echo", []string{"Sec-Fetch-Site: cross-site"}, 403, "forbidden", "1", "cross-site"},
		{"/hang", []string{"Job-Timeout-Ms: 20", "Accept: " + remote.FramesType}, 200, "", "", ""},
		{"/panic", nil, 500, "internal", "1", "on purpose"},
		{"/fail?a=not_found&e=text=gone", nil, 404, "not_found", "1", "failing: gone"},
		{"/fail?a=conflict&e=code=42", nil, 409, "conflict", "1", "failing"},
		{"/fail?a=not_modified", nil, 304, "not_modified", "1", ""},
		{"/fail?a=unauthorized", nil, 401, "unauthorized", "1", ""},
		{"/fail?a=forbidden", nil, 403, "forbidden", "1", ""},
		{"/fail?a=unavailable", nil, 503, "unavailable", "1", ""},
		{"/fail?a=not_implemented", nil, 501, "not_implemented", "1", ""},
		{"/fail?a=canceled", nil, 499, "canceled", "1", ""},
		{"/fail?a=deadline", nil, 504, "deadline", "1", ""},
		{"/fail?a=internal", nil, 500, "internal", "1", ""},
	} {
		res, body := ask(t, srv.Client(), srv.URL+c.path, nil, c.headers...)
		var f remote.Failure
		if res.StatusCode != 304 && res.StatusCode != 200 {
			if err := json.Unmarshal([]byte(body), &f); err != nil {
				t.Errorf("%.60s: body %q: %v", c.path, body, err)
			}
			if f.Kind != c.kind {
				t.Errorf("%.60s: kind %q in the body", c.path, f.Kind)
			}
		}
		if res.StatusCode != c.code || !strings.Contains(f.Message, c.text) || strings.Contains(f.Message, "\n") ||
			res.Header.Get("Job-Status") != c.status || res.Header.Get("Job-Error-Kind") != c.kind {
			t.Errorf("%.60s: %d %.200q %v", c.path, res.StatusCode, body, res.Header)
		}
		if strings.Contains(c.path, "code=42") && (f.Code != 42 || res.Header.Get("Job-Error-Code") != "42") {
			t.Errorf("the code of an error is lost: %+v %v", f, res.Header)
		}
	}
}

// After the first byte of output the result is in the trailers.
func TestPlainFailsLate(t *testing.T) {
	srv := serveTCP(t, newEngine(t))
	text := "line\n100 % naïve"
	res, body := ask(t, srv.Client(), srv.URL+"/fail?a=not_found&a=partial&e=code=3&e=text="+url.QueryEscape(text), nil)
	if res.StatusCode != 200 || body != "partial" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	shown, err := url.PathUnescape(res.Trailer.Get("Job-Error"))
	if err != nil || shown != "failing: "+text {
		t.Errorf("the error of the trailer is %q: %v", shown, err)
	}
	if got := res.Trailer.Get("Job-Status") + res.Trailer.Get("Job-Error-Kind") + res.Trailer.Get("Job-Error-Code"); got != "1not_found3" {
		t.Errorf("the trailers are %v", res.Trailer)
	}
}

func TestPlainDeadline(t *testing.T) {
	srv := serveTCP(t, newEngine(t))
	start := time.Now()
	res, _ := ask(t, srv.Client(), srv.URL+"/hang?e=first=x", nil, "Job-Timeout-Ms: 30")
	if kind := res.Trailer.Get("Job-Error-Kind"); kind != "deadline" || time.Since(start) > 2*time.Second {
		t.Errorf("the job ended with %q after %v", kind, time.Since(start))
	}
}

// Output comes while the input is still being sent.
func TestPlainFullDuplex(t *testing.T) {
	eng := newEngine(t)
	for name, srv := range map[string]*served{"http1": serveUnix(t, eng), "http2": serveH2C(t, eng)} {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe()
			req, err := http.NewRequest("POST", srv.url+"/jobs/cat", r)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Job-Protocol", "1")
			go func() { _, _ = io.WriteString(w, "ping\n") }()
			res, err := srv.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(res.Body)
			for i := range 100 {
				if line, err := in.ReadString('\n'); err != nil || line != "ping\n" {
					t.Fatalf("answer %d: %q %v", i, line, err)
				}
				if _, err := io.WriteString(w, "ping\n"); err != nil {
					t.Fatal(err)
				}
			}
			_ = w.Close()
			rest, err := io.ReadAll(in)
			_ = res.Body.Close()
			if err != nil || string(rest) != "ping\n" || res.Trailer.Get("Job-Status") != "0" {
				t.Errorf("%q %v %v", rest, err, res.Trailer)
			}
		})
	}
}

// A caller that leaves ends its job, also one that does not read its input.
func TestPlainCallerLeaves(t *testing.T) {
	eng := newEngine(t)
	for name, srv := range map[string]*served{"http1": serveUnix(t, eng), "http2": serveH2C(t, eng)} {
		for _, withBody := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s body=%v", name, withBody), func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				var body io.Reader
				r, w := io.Pipe()
				if withBody {
					body = r
				}
				req, err := http.NewRequestWithContext(ctx, "POST", srv.url+"/jobs/hang", body)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Job-Protocol", "1")
				res, err := srv.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				if len(eng.Running()) != 1 {
					t.Errorf("running: %+v", eng.Running())
				}
				cancel()
				_ = w.CloseWithError(io.ErrUnexpectedEOF)
				_ = res.Body.Close()
				nothingRuns(t, eng)
			})
		}
	}
}

// A job that ends before its input does not keep its caller, nor the connection.
func TestPlainInputUnread(t *testing.T) {
	eng := newEngine(t)
	for name, srv := range map[string]*served{"http1": serveUnix(t, eng), "http2": serveH2C(t, eng)} {
		for _, path := range []string{"/jobs/mute", "/jobs/echo?a=x", "/jobs/fail?a=conflict", "/jobs/nojob", "/jobs/echo?x", "/jobs/"} {
			t.Run(name+path, func(t *testing.T) {
				r, w := io.Pipe()
				defer func() { _ = w.Close() }()
				start := time.Now()
				res, body := ask(t, srv.client, srv.url+path, r)
				if time.Since(start) > time.Second {
					t.Errorf("it took %v: %q", time.Since(start), body)
				}
				if res.Trailer.Get("Job-Status")+res.Header.Get("Job-Status") == "" {
					t.Errorf("there is no status: %v %v", res.Header, res.Trailer)
				}
			})
		}
	}
}

// A caller that waits for "100 Continue" sends nothing to a job that is refused.
func TestPlainExpectContinue(t *testing.T) {
	eng := newEngine(t)
	srv := serveUnix(t, eng)
	for path, want := range map[string]string{"/nojob": "HTTP/1.1 404", "/cat": "HTTP/1.1 100 Continue"} {
		conn, err := net.Dial("unix", srv.socket)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nJob-Protocol: 1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", path)
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, want) {
			t.Errorf("%s: %q %v, want %q", path, line, err, want)
		}
		_ = conn.Close()
	}
	nothingRuns(t, eng)
}

func TestPlainGzip(t *testing.T) {
	eng := newEngine(t)
	text := strings.Repeat("well packed ", 10000)
	srv := serveTCP(t, eng)
	res, body := ask(t, srv.Client(), srv.URL+"/cat", strings.NewReader(text), "Accept-Encoding: br, gzip;q=1.0")
	if res.Header.Get("Content-Encoding") != "gzip" || len(body) > len(text)/10 || res.Trailer.Get("Job-Status") != "0" {
		t.Fatalf("%d bytes, %v %v", len(body), res.Header, res.Trailer)
	}
	unpacked, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(unpacked); err != nil || string(got) != text {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// Not on a unix socket, not when refused, and nobody unpacks what comes in.
	local := serveUnix(t, eng)
	for _, accept := range []string{"gzip", "identity"} {
		if res, _ := ask(t, local.client, local.url+"/echo?a=x", nil, "Accept-Encoding: "+accept); res.Header.Get("Content-Encoding") != "" {
			t.Errorf("on a unix socket: %v", res.Header)
		}
	}
	if res, _ := ask(t, srv.Client(), srv.URL+"/echo?a=x", nil, "Accept-Encoding: gzip;q=0"); res.Header.Get("Content-Encoding") != "" {
		t.Errorf("refused and sent: %v", res.Header)
	}
	res, _ = ask(t, srv.Client(), srv.URL+"/cat", strings.NewReader(text), "Content-Encoding: gzip")
	if res.StatusCode != 400 {
		t.Errorf("a packed body: %v", res.Status)
	}
}

// The caller comes from the context of the request where there is one.
func TestPlainCaller(t *testing.T) {
	eng := newEngine(t)
	h := remote.Handler(eng, remote.Options{})
	srv := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := &engine.Caller{Client: "uid:7", Network: "unix", UID: 7}
		h.ServeHTTP(w, r.WithContext(engine.WithCaller(r.Context(), caller)))
	}))
	eng.SetAuthorizer(func(job *engine.Job) error {
		if c := job.Caller(); c.UID != 7 || job.Name == "mute" {
			return errdefs.Forbidden("%s may not run %s", c.Client, job.Name)
		}
		return nil
	})
	if _, body := ask(t, srv.client, srv.url+"/who", nil, "Job-Parent: x.9"); !strings.HasPrefix(body, "unix|uid:7||x.9||false|") {
		t.Errorf("the caller is %q", body)
	}
	if res, body := ask(t, srv.client, srv.url+"/mute", nil); res.StatusCode != 403 || !strings.Contains(body, "uid:7 may not run mute") {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}

// served is a server on a unix socket or a port, and a client of it.
type served struct {
	url, socket, address string
	client               *http.Client
	server               *http.Server
	stop                 func() // may be called more than once
}

func serveUnix(t testing.TB, eng *engine.Engine) *served {
	t.Helper()
	return serveHandler(t, remote.Handler(eng, remote.Options{}))
}

// serveHandler serves on a unix socket.
func serveHandler(t testing.TB, h http.Handler) *served {
	t.Helper()
	s := &served{url: "http://engine", socket: filepath.Join(t.TempDir(), "sock"), server: &http.Server{Handler: h}}
	transport := &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.socket)
	}}
	s.client = &http.Client{Transport: transport}
	l, err := net.Listen("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	s.start(t, l, transport)
	return s
}

// serveH2C serves HTTP/2 with prior knowledge, beside HTTP/1.1.
func serveH2C(t testing.TB, eng *engine.Engine) *served {
	t.Helper()
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	two := new(http.Protocols)
	two.SetUnencryptedHTTP2(true)
	s := &served{server: &http.Server{Handler: remote.Handler(eng, remote.Options{}), Protocols: both}}
	transport := &http.Transport{Protocols: two, DisableCompression: true}
	s.client = &http.Client{Transport: transport}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address, s.url = l.Addr().String(), "http://"+l.Addr().String()
	s.start(t, l, transport)
	return s
}

func (s *served) start(t testing.TB, l net.Listener, transport *http.Transport) {
	base, cancel := context.WithCancel(context.Background())
	s.server.BaseContext = func(net.Listener) context.Context { return base }
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.server.Serve(l)
	}()
	s.stop = func() {
		cancel() // ends sessions, which the server no longer knows
		_ = s.server.Close()
		<-done
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.stop()
	})
}
