package server

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
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// up runs serveapi on a socket in a fresh directory, doors open.
func up(t *testing.T, b *bench, env map[string]string, addresses ...string) (job *engine.Job, bound []string) {
	t.Helper()
	if err := b.srv.Install(b.eng); err != nil {
		t.Fatal(err)
	}
	job = b.eng.Job("serveapi", addresses...)
	for k, v := range env {
		job.Setenv(k, v)
	}
	lines := bufio.NewScanner(job.Stdout.AddPipe())
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	for range addresses {
		var line Bound
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &line) != nil {
			t.Fatalf("serveapi: %v", job.Wait())
		}
		bound = append(bound, line.Address)
	}
	return job, bound
}

func get(t *testing.T, path, url string) (*http.Response, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) },
	}, Timeout: 10 * time.Second}
	return client.Get("http://x" + url)
}

func TestServeIsAllOrNothing(t *testing.T) {
	b := newBench(t)
	if err := b.srv.Install(b.eng); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for address, kind := range map[string]errdefs.Kind{
		"unix://" + file: errdefs.KindConflict, "fd://": errdefs.KindNotFound,
		"ftp://x": errdefs.KindInvalidArgument, "tcp://nonsense": errdefs.KindInvalidArgument,
	} {
		sock := filepath.Join(dir, "a.sock")
		err := b.eng.Job("serveapi", "unix://"+sock, address).Run()
		if !errdefs.Is(err, kind) {
			t.Errorf("%s: %v", address, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: left %v", address, left)
		}
	}
	job := b.eng.Job("serveapi", "unix://"+filepath.Join(dir, "b.sock"))
	job.Setenv("SocketGroup", "no-such-group-here")
	if err := job.Run(); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "Group no-such-group-here not found") {
		t.Errorf("group: %v", err)
	}
}

func TestServeRefusesALiveSocketAndReplacesADeadOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if _, err := listenUnix(path, ""); !errdefs.IsConflict(err) {
		t.Errorf("live: %v", err)
	}
	_ = dead.Close()
	l, err := listenUnix(path, "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := listenUnix(path+"2", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"2", path); err != nil { // another daemon took the path
		t.Fatal(err)
	}
	_ = l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("a socket that belongs to somebody else was removed: %v", err)
	}
	_ = second.Close()
}

func TestStopWaitsForChangesOnly(t *testing.T) {
	b := newBench(t)
	release, entered := make(chan struct{}), make(chan struct{}, 2)
	b.eng.Replace("pause", func(*engine.Job) error {
		entered <- struct{}{}
		<-release
		return nil
	})
	b.eng.Replace("events", func(job *engine.Job) error {
		entered <- struct{}{}
		<-job.Context().Done()
		return nil
	})
	path := filepath.Join(t.TempDir(), "s")
	job, _ := up(t, b, map[string]string{"BufferRequests": "0"}, "unix://"+path)
	codes := make(chan int, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) },
		}}
		resp, err := client.Post("http://x/containers/c/pause", "", nil)
		if err != nil {
			codes <- -1
			return
		}
		_ = resp.Body.Close()
		codes <- resp.StatusCode
	}()
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		resp, err := get(t, path, "/events")
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}()
	<-entered
	<-entered
	job.Cancel()
	time.Sleep(20 * time.Millisecond)
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("still listening after the cancel")
	}
	close(release)
	if code := <-codes; code != 204 {
		t.Errorf("a change was cut: %d", code)
	}
	<-listening
	if err := job.Wait(); err != nil {
		t.Error(err)
	}
}

func TestBadInputGetsOneSentence(t *testing.T) {
	b := newBench(t)
	b.fake("create", `{"Id":"x"}`)
	path := filepath.Join(t.TempDir(), "s")
	up(t, b, map[string]string{"BufferRequests": "0"}, "unix://"+path)
	defer func() { _ = b.eng.Shutdown(context.Background()) }()
	for name, c := range map[string]struct {
		head, body string
		want       int
	}{
		"a huge header":     {"GET /_ping HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 3<<20) + "\r\n\r\n", "", 431},
		"malformed JSON":    {"", `{"Image":`, 400},
		"a list":            {"", `["a"]`, 400},
		"null":              {"", `null`, 400},
		"trailing content":  {"", `{"Image":"a"}{"Image":"b"}`, 400},
		"no request at all": {"nonsense of some length\r\n\r\n", "", 400},
		"a huge body":       {"", `{"Image":"` + strings.Repeat("a", maxDocument) + `"}`, 413},
		"nothing":           {"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "", 400},
		"wrong type":        {"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", "", 400},
		"chunked": {"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "", 201},
		"unknown members": {"", `{"Image":"a","Flux":{"a":[1,2]}}`, 201},
	} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		go func() { // the server may answer before it has read all
			if c.head == "" {
				c.head = fmt.Sprintf("POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n", len(c.body))
			}
			_, _ = io.WriteString(conn, c.head+c.body)
		}()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.want || len(bytes.TrimSpace(body)) == 0 {
			t.Errorf("%s: got %d %.100q, want %d", name, resp.StatusCode, body, c.want)
		}
		_ = conn.Close()
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"": "unix /var/run/docker.sock", "unix://": "unix /var/run/docker.sock", "unix:///a": "unix /a",
		"tcp://:2375": "tcp 127.0.0.1:2375", "1.2.3.4:80": "tcp 1.2.3.4:80", ":80": "tcp 127.0.0.1:80",
		"fd://": "fd ", "fd://*": "fd *", "tcp://": "!", "tcp://a": "!", "tcp://a:b": "!", "udp://a:1": "!", "unix://a://b": "!",
	} {
		proto, addr, err := ParseAddress(in)
		got := proto + " " + addr
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
