package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/stdcopy"
)

// fakeDaemon answers requests as the test says and remembers them.
type fakeDaemon struct {
	t       testing.TB
	socket  string
	version string // newest API version; "" is the client's

	mu    sync.Mutex // guards seen
	seen  []string
	conns map[net.Conn]bool
	// routes maps "METHOD /path" (without version) to a handler.
	routes map[string]http.HandlerFunc
}

func newFake(t testing.TB) *fakeDaemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "ejcli") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &fakeDaemon{
		t: t, socket: filepath.Join(dir, "s"), version: api.Version,
		routes: make(map[string]http.HandlerFunc), conns: make(map[net.Conn]bool),
	}
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: d, ConnState: func(c net.Conn, s http.ConnState) {
		d.mu.Lock()
		d.conns[c] = true
		d.mu.Unlock()
	}}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return d
}

func (d *fakeDaemon) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, fmt.Sprintf(format, args...))
}

func (d *fakeDaemon) log() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string{}, d.seen...)
}

func (d *fakeDaemon) connections() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.conns)
}

func (d *fakeDaemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	version, path := "", r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/v"); ok && len(rest) > 1 && rest[0] >= '0' && rest[0] <= '9' {
		version, path, _ = strings.Cut(rest, "/")
		path = "/" + path
	}
	line := r.Method + " " + path
	if r.URL.RawQuery != "" {
		q, _ := json.Marshal(r.URL.Query())
		line += " " + string(q)
	}
	d.note("%s", line)
	if d.version != "1.12" { // so old that it did not tell
		w.Header().Set("Api-Version", d.version)
	}
	if version != "" && !versionAtLeast(d.version, version) {
		status := http.StatusBadRequest
		if d.version == "1.12" {
			status = http.StatusNotFound
		}
		http.Error(w, "client and server don't have same version", status)
		return
	}
	if h, ok := d.routes[r.Method+" "+path]; ok {
		h(w, r)
		return
	}
	failWith(http.StatusNotFound, "No such thing: "+path)(w, r)
}

func answer(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func failWith(code int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(api.ErrorBody{Message: message})
	}
}

// result is what a command line did.
type result struct {
	code     int
	out, err string
}

// lockedBuffer may be written by several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// testNow is the time of all tests.
var testNow = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newTestCLI(d *fakeDaemon, s Streams) *CLI {
	env := func(key string) (string, bool) {
		switch {
		case key == "DOCKER_HOST" && d != nil:
			return "unix://" + d.socket, true
		case key == "HOME":
			return "/home/u", true
		}
		return "", false
	}
	return &CLI{Streams: s, env: env, now: func() time.Time { return testNow }, notify: notifySignals}
}

// docker runs a command line against the fake; words are split at blanks.
func docker(t testing.TB, d *fakeDaemon, stdin, line string) result {
	t.Helper()
	var out, errOut lockedBuffer
	cli := newTestCLI(d, Streams{In: strings.NewReader(stdin), Out: &out, Err: &errOut})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	code := cli.report(cli.dispatch(ctx, strings.Fields(line)))
	return result{code, out.String(), errOut.String()}
}

func (r result) want(t *testing.T, code int, out, err string) {
	t.Helper()
	if r.code != code || r.out != out || r.err != err {
		t.Errorf("got status %d\nstdout %q\nstderr %q\nwant %d\nstdout %q\nstderr %q", r.code, r.out, r.err, code, out, err)
	}
}

const testID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// fakeContainer is the server's side of a container in the foreground.
type fakeContainer struct {
	d       *fakeDaemon
	tty     bool
	started chan struct{} // closed by start
	exit    chan int      // what wait answers
	stdin   chan string   // what attach received, when it ended
	// serve is the life of an attached connection.
	serve func(c net.Conn, in *bufio.Reader, out, errOut io.Writer)
}

// addContainer makes the routes of a container with testID.
func addContainer(d *fakeDaemon, tty bool) *fakeContainer {
	c := &fakeContainer{
		d: d, tty: tty, started: make(chan struct{}), exit: make(chan int, 4), stdin: make(chan string, 4),
	}
	base := "/containers/" + testID
	d.routes["POST /containers/create"] = answer(api.ContainerCreated{Id: testID})
	d.routes["POST "+base+"/attach"] = c.attach
	d.routes["POST "+base+"/wait"] = c.wait
	d.routes["POST "+base+"/resize"] = status(http.StatusOK)
	d.routes["POST "+base+"/kill"] = status(http.StatusNoContent)
	d.routes["POST "+base+"/start"] = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		w.(http.Flusher).Flush() // whoever sees it started may close the connection
		close(c.started)
	}
	return c
}

func (c *fakeContainer) wait(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	select {
	case code := <-c.exit:
		_ = json.NewEncoder(w).Encode(api.ContainerWait{StatusCode: code})
	case <-r.Context().Done():
	}
}

func (c *fakeContainer) attach(w http.ResponseWriter, _ *http.Request) {
	nc, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		c.d.t.Error(err)
		return
	}
	defer nc.Close()
	fmt.Fprintf(nc, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"+
		"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	<-c.started
	var out, errOut io.Writer = nc, nc
	if !c.tty {
		mux := stdcopy.NewMux(nc)
		out, errOut = mux.Stream(stdcopy.Stdout), mux.Stream(stdcopy.Stderr)
	}
	c.serve(nc, rw.Reader, out, errOut)
}
