package server

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// twoServers are the same server twice: one that looks for pings and holds
// answers, and one that leaves everything to net/http.
func twoServers(t testing.TB) (looking, plain string) {
	t.Helper()
	b := newBench(t)
	b.fake("containers", strings.Repeat(`[{"Id":"x"}]`, 1000))
	b.fake("container_inspect", `{"Id":"0f","ExecDriver":"native","State":{"Status":"running"}}`)
	serve := func(name string, look bool) string {
		l, err := net.Listen("unix", filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		path := l.Addr().String()
		srv := &http.Server{Handler: b.srv.Handler(""), ConnContext: meet, ConnState: follow, ReadHeaderTimeout: time.Minute, Protocols: protocols()}
		if look {
			l = b.srv.looking([]net.Listener{l}, "")[0]
		}
		done := make(chan error, 1)
		go func() { done <- srv.Serve(l) }()
		t.Cleanup(func() {
			if err := srv.Close(); err != nil {
				t.Error(err)
			}
			<-done
		})
		return path
	}
	return serve("looking", true), serve("plain", false)
}

// exchanged sends a first request and then raw text, and returns what comes until
// the server has nothing more to say.
func exchanged(t testing.TB, path string, raw []byte) string {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	read := func() (string, error) {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		resp.Header.Del("Date")
		var head bytes.Buffer
		_ = resp.Header.Write(&head)
		return resp.Status + "\n" + head.String() + string(body) + "\n", err
	}
	if _, err := io.WriteString(conn, "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := read(); err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write(raw) // may be refused half-way
	var all strings.Builder
	for {
		if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		text, err := read()
		all.WriteString(text)
		if err != nil {
			return all.String()
		}
	}
}

// pings are requests that look like one, more or less.
var pings = []string{
	"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /v1.41/_ping HTTP/1.1\r\nHost: 127.0.0.1:2375\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n",
	"GET /v1.41/_ping HTTP/1.1\r\nHost: d\r\n\r\nGET /v1.41/_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /v1.2/_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /v9.99/_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /v/_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET //_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /x/_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /_ping HTTP/1.0\r\nHost: d\r\n\r\n",
	"GET /_ping HTTP/1.1\r\n\r\n",
	"GET /_ping HTTP/1.1\r\nHost: d\r\nHost: e\r\n\r\n",
	"GET /_ping HTTP/1.1\r\nHost: a b\r\n\r\n",
	"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
	"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: keep-alive\r\n\r\n",
	"GET /_ping HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\n\r\nbody",
	"GET /_ping HTTP/1.1\r\nHost: d\r\nUser-Agent: a\x00b\r\n\r\n",
	"GET /_ping?x=1 HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET http://d/_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"get /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"POST /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /v1.41/containers/json HTTP/1.1\r\nHost: d\r\n\r\nGET /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /containers/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /v1.18/containers/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"HEAD /v1.41/containers/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /v1.41/containers/json?all=1 HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /containers/json HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
	"GET /containers/web-1.x_/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /v1.21/containers/0f/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /v1.51/containers/missing/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /containers/../json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /containers/.x/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /containers//json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /containers/a/b/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /containers/a%2fb/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /containers/a/containers/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /containers/web/json?size=1 HTTP/1.1\r\nHost: d\r\n\r\n",
	"HEAD /containers/web/json HTTP/1.1\r\nHost: d\r\n\r\n",
	"GET /_ping HTTP/1.1\r\nHost: d\r\n",
	"POST /auth HTTP/1.1\r\nHost: d\r\nContent-Length: 30\r\n\r\nGET /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
}

func TestPlainPing(t *testing.T) {
	looking, plain := twoServers(t)
	for _, raw := range pings {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			if got, want := exchanged(t, looking, []byte(raw)), exchanged(t, plain, []byte(raw)); got != want {
				t.Errorf("%q:\n%s\nwithout a look:\n%s", raw, got, want)
			}
		})
	}
	for _, raw := range []string{pings[0], pings[1], pings[13]} {
		if ask, ok := plainRequest([]byte(raw)); !ok || ask.method != http.MethodGet || !ask.ping {
			t.Errorf("%q is not plain", raw)
		}
	}
	for _, path := range []string{"/containers/json", "/v1.41/containers/json", "/containers/web-1.x_/json", "/v1.24/containers/0f/json"} {
		if ask, ok := plainRequest([]byte("GET " + path + " HTTP/1.1\r\nHost: d\r\n\r\n")); !ok || ask.ping || string(ask.path) != path {
			t.Errorf("%s is not plain", path)
		}
	}
}

// TestPlainPingIsNoBody: what looks like a ping inside of a body is a body, however
// the packets come.
func TestPlainPingIsNoBody(t *testing.T) {
	looking, _ := twoServers(t)
	conn, err := net.Dial("unix", looking)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const ping = "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
	for _, part := range []string{ping, "POST /auth HTTP/1.1\r\nHost: d\r\nContent-Length: 64\r\n\r\n", ping, ping} {
		if _, err := io.WriteString(conn, part); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // a packet of its own
	}
	in := bufio.NewReader(conn)
	for i, want := range []int{200, 400} {
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("answer %d: %v %v", i, resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("a third answer: %q %v", rest, err)
	}
}

func FuzzPlainRequest(f *testing.F) {
	for _, raw := range pings {
		f.Add([]byte(raw))
	}
	looking, plain := twoServers(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, ok := plainRequest(raw); !ok {
			return // net/http has it anyway
		}
		if got, want := exchanged(t, looking, raw), exchanged(t, plain, raw); got != want {
			t.Errorf("%q:\n%s\nwithout a look:\n%s", raw, got, want)
		}
	})
}

// TestHeldAnswer: an answer is written at once, and one that is the last is not lost.
func TestHeldAnswer(t *testing.T) {
	here, there := net.Pipe()
	c := &plainConn{Conn: here}
	c.hold()
	for _, part := range []string{"HTTP/1.1 200 OK\r\n", "\r\n", "body"} {
		if n, err := io.WriteString(c, part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	got := make(chan string, 1)
	go func() {
		buf := make([]byte, 100)
		n, _ := there.Read(buf) // one packet
		got <- string(buf[:n])
	}()
	follow(c, http.StateIdle)
	if text := <-got; text != "HTTP/1.1 200 OK\r\n\r\nbody" {
		t.Errorf("%q", text)
	}
	c.hold()
	if _, err := io.WriteString(c, "last"); err != nil {
		t.Fatal(err)
	}
	go func() {
		text, _ := io.ReadAll(there)
		got <- string(text)
	}()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != "last" {
		t.Errorf("%q", text)
	}
}

// TestHeldAnswerIsBounded: what is longer than is kept goes out in order.
func TestHeldAnswerIsBounded(t *testing.T) {
	here, there := net.Pipe()
	c := &plainConn{Conn: here}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	got := make(chan int, 1)
	go func() {
		text, _ := io.ReadAll(there)
		got <- strings.Count(string(text), "ab")
	}()
	c.hold()
	part := []byte(strings.Repeat("ab", 1000))
	for range 100 {
		if _, err := c.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case n := <-got:
		if n != 100_000 {
			t.Errorf("%d of 100000 came", n)
		}
	case <-ctx.Done():
		t.Error("nothing came")
	}
}

// TestPlainListHoldsNothing: what comes after it, as a stream, is not kept back.
func TestPlainListHoldsNothing(t *testing.T) {
	b := newBench(t)
	b.fake("containers", `[]`)
	here, there := net.Pipe()
	c := &plainConn{Conn: here, answers: b.srv.plainAnswers("")}
	_ = meet(t.Context(), c)
	got := make(chan string, 1)
	go func() {
		resp, err := http.ReadResponse(bufio.NewReader(there), nil)
		if err != nil {
			got <- err.Error()
			return
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		got <- resp.Status + " " + string(text)
	}()
	if err := c.answers.serve(c, "/v1.41/containers/json"); err != nil {
		t.Fatal(err)
	}
	if text := <-got; text != "200 OK []" {
		t.Errorf("%q", text)
	}
	if c.held != nil {
		t.Error("the next answer is kept")
	}
}
