package integration

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
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// Whatever a client sends, the daemon answers one clear sentence, leaks nothing
// and stays up.

func TestBadRequests(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	for _, c := range []struct {
		name, method, path, contentType, body string
		status                                int
	}{
		{"unknown route", "GET", "/no/such/route", "", "", 404},
		{"unknown route of a version", "GET", "/v1.41/no/such/route", "", "", 404},
		{"wrong method", "DELETE", "/version", "", "", 404},
		{"version from the future", "GET", "/v9.99/version", "", "", 400},
		{"version from the past", "GET", "/v1.1/version", "", "", 400},
		{"unknown container", "GET", "/containers/nobody/json", "", "", 404},
		{"unknown image", "GET", "/images/nothing/json", "", "", 404},
		{"malformed JSON", "POST", "/containers/create", "application/json", `{"Image":`, 400},
		{"JSON of the wrong type", "POST", "/containers/create", "application/json", `{"Image": 7}`, 400},
		{"JSON and then some", "POST", "/containers/create", "application/json", `{"Image":"busybox"} {"x"`, 400},
		{"no JSON at all", "POST", "/containers/create", "application/json", ``, 400},
		{"wrong content type", "POST", "/containers/create", "text/html", `{"Image":"busybox"}`, 400},
		{"unknown image to create", "POST", "/containers/create", "application/json", `{"Image":"nothing","Cmd":["true"]}`, 404},
		{"bad name", "POST", "/containers/create?name=../../etc", "application/json", `{"Image":"busybox","Cmd":["true"]}`, 400},
		{"bad number", "POST", "/containers/nobody/stop?t=soon", "", "", 400},
		{"bad filters", "GET", "/containers/json?filters=nonsense", "", "", 400},
		{"bad signal", "POST", "/containers/nobody/kill?signal=NOSUCH", "", "", 0},
		{"no stream chosen", "GET", "/containers/nobody/logs", "", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, "http://docker"+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if c.contentType != "" {
				req.Header.Set("Content-Type", c.contentType)
			}
			resp, err := d.HTTP().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16)) // a short answer is as good to print
			if c.status != 0 && resp.StatusCode != c.status || resp.StatusCode < 400 || resp.StatusCode >= 500 {
				t.Errorf("status %d, want %d: %s", resp.StatusCode, c.status, body)
			}
			if c.name == "version from the past" {
				return // such clients are answered in plain text
			}
			var answer struct{ Message string }
			if strings.HasPrefix(c.path, "/v1.1/") { // clients of that age take text, not JSON
				answer.Message = strings.TrimSuffix(string(body), "\n")
			} else if err := json.Unmarshal(body, &answer); err != nil || answer.Message == "" {
				t.Errorf("the answer has no message: %q", body)
			}
			if strings.Contains(answer.Message, "\n") || strings.Contains(answer.Message, "goroutine") {
				t.Errorf("the message is not one sentence: %q", answer.Message)
			}
		})
	}
	stillServes(t, d)
}

func stillServes(t *testing.T, d *daemonproc.Daemon) {
	t.Helper()
	if got := d.Must(t, "run", "--rm", "--net", "none", "busybox", "echo", "ok"); got != "ok" {
		t.Errorf("run: %q", got)
	}
	if log := d.Log(1 << 20); strings.Contains(log, "panic") {
		at := strings.Index(log, "panic")
		t.Errorf("the daemon has panicked:\n%s", log[max(0, at-500):min(len(log), at+4000)])
	}
}

func dial(t *testing.T, d *daemonproc.Daemon) *net.UnixConn {
	t.Helper()
	conn, err := net.Dial("unix", d.Socket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UnixConn)
}

// TestHugeHeader sends 100 MB of header: the daemon must refuse it early
// instead of keeping it.
func TestHugeHeader(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	conn := dial(t, d)
	fmt.Fprintf(conn, "GET /version HTTP/1.1\r\nHost: docker\r\nX-Huge: ")
	chunk := bytes.Repeat([]byte("a"), 1<<20)
	sent := 0
	for ; sent < 100; sent++ {
		if _, err := conn.Write(chunk); err != nil {
			break // refused, as it should be
		}
	}
	if sent == 100 {
		t.Error("100 MB of header were taken")
	}
	status, _ := bufio.NewReader(conn).ReadString('\n') // the answer may be lost when the connection is reset
	if status != "" && !strings.Contains(status, " 431 ") && !strings.Contains(status, " 400 ") {
		t.Errorf("answer: %q", status)
	}
	stillServes(t, d)
}

func TestGarbageInsteadOfHTTP(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	conn := dial(t, d)
	if _, err := conn.Write(append(bytes.Repeat([]byte{0xff, 0}, 100), "\r\n\r\n"...)); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(conn) // refused with or without an answer
	if len(answer) > 0 && !bytes.Contains(answer, []byte("400")) {
		t.Errorf("answer: %q", answer)
	}
	stillServes(t, d)
}

// attachRaw hijacks a connection to a container that echoes its input.
func attachRaw(t *testing.T, d *daemonproc.Daemon, name string) (*net.UnixConn, *bufio.Reader) {
	t.Helper()
	d.Must(t, "create", "-i", "--net", "none", "--name", name, "busybox", "cat")
	d.Must(t, "start", name)
	conn := dial(t, d)
	fmt.Fprintf(conn, "POST /containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n"+
		"Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n", name)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("attach: %s", resp.Status)
	}
	return conn, r
}

func TestHalfClosedHijack(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	conn, r := attachRaw(t, d, "echo")
	if _, err := conn.Write([]byte("last words\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	// The other half still carries what the container says, framed.
	frame, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(frame, append([]byte{1, 0, 0, 0, 0, 0, 0, 11}, "last words\n"...)) {
		t.Errorf("%v: %q", err, frame)
	}
	stillServes(t, d)
}

func TestClientVanishesDuringAttach(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	before := openFiles(d.Pid())
	for i := range 10 {
		conn, r := attachRaw(t, d, fmt.Sprintf("echo%d", i))
		if _, err := conn.Write([]byte("hello\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 8+6)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	for i := range 10 {
		d.Must(t, "rm", "-f", fmt.Sprintf("echo%d", i))
	}
	if !daemonproc.Poll(10*time.Second, func() bool { return openFiles(d.Pid()) <= before+5 }) {
		t.Errorf("%d files are open, %d were before", openFiles(d.Pid()), before)
	}
	stillServes(t, d)
}

func openFiles(pid int) int {
	fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(fds)
}

// TestVanishingWriter kills the client in the middle of an import.
func TestVanishingWriter(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	tar, err := os.ReadFile(daemonproc.MustAsset(t, "busybox"))
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, d)
	fmt.Fprintf(conn, "POST /images/create?fromSrc=-&repo=half HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-tar\r\nContent-Length: %d\r\n\r\n", len(tar))
	if _, err := conn.Write(tar[:len(tar)/2]); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	stillServes(t, d)
	if images := d.Must(t, "images", "-aq"); len(strings.Fields(images)) != 1 {
		t.Errorf("the torn import left an image: %s", images)
	}
	if !daemonproc.Poll(5*time.Second, func() bool {
		left, _ := os.ReadDir(filepath.Join(d.Root, "tmp"))
		return len(left) == 0
	}) {
		left, _ := os.ReadDir(filepath.Join(d.Root, "tmp"))
		t.Errorf("the torn import left temp files: %v", left)
	}
}

func TestTwoStartsAtOnce(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	for i := range 5 {
		name := fmt.Sprintf("box%d", i)
		d.Must(t, "create", "--net", "none", "--name", name, "busybox", "sh", "-c", "echo started; exec sleep 1000")
		var wg sync.WaitGroup
		results := make([]daemonproc.Result, 4)
		for n := range results {
			wg.Go(func() { results[n] = d.Docker("start", name) })
		}
		wg.Wait()
		for _, r := range results {
			if r.Code != 0 { // the second is "already started", which is no failure
				t.Error(r)
			}
		}
		d.Eventually(t, "started", "logs", name)
		if got := d.Must(t, "logs", name); got != "started" {
			t.Errorf("it was started more than once: %q", got)
		}
	}
}

func TestRemoveDuringStart(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	for i := range 10 {
		name := fmt.Sprintf("box%d", i)
		d.Must(t, "create", "--net", "none", "--name", name, "busybox", "sleep", "1000")
		var wg sync.WaitGroup
		wg.Go(func() { d.Docker("start", name) }) // works or finds it gone
		wg.Go(func() {
			if r := d.Docker("rm", "-f", name); r.Code != 0 {
				t.Error(r)
			}
		})
		wg.Wait()
		if !daemonproc.Poll(5*time.Second, func() bool { return d.Must(t, "ps", "-aq") == "" }) {
			t.Fatalf("left after rm: %s", d.Must(t, "ps", "-a"))
		}
	}
	stillServes(t, d)
}

// TestFullDisk gives the daemon a root of a few megabytes and fills it.
func TestFullDisk(t *testing.T) {
	daemonproc.Require(t)
	root := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=24m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the daemon's own
		if err := syscall.Unmount(root, 0); err != nil {
			t.Errorf("unmounting the small disk: %v", err)
		}
	})
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Root: root + "/root"})
	var last daemonproc.Result
	filler := filepath.Join(root, "filler")
	if out, err := exec.Command("sh", "-c", "head -c 30000000 /dev/zero > "+filler).CombinedOutput(); err == nil {
		t.Fatalf("the disk is not full: %s", out)
	}
	tar, err := os.Open(daemonproc.MustAsset(t, "busybox"))
	if err != nil {
		t.Fatal(err)
	}
	defer tar.Close()
	if last = d.DockerStdin(tar, "import", "-", "another"); last.Code == 0 {
		t.Errorf("an import on a full disk works: %s", last)
	}
	if !strings.Contains(last.Stderr, "no space left on device") {
		t.Errorf("the answer does not say why: %s", last)
	}
	if last = d.Docker("create", "--name", "unlucky", "busybox", "true"); last.Code != 0 &&
		!strings.Contains(last.Stderr, "no space left on device") && !strings.Contains(last.Stderr, "full") {
		t.Errorf("the answer does not say why: %s", last)
	}
	d.Must(t, "ps", "-a")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if last.Code != 0 { // the name is free
		d.Must(t, "create", "--name", "unlucky", "busybox", "true")
	}
	stillServes(t, d)
}

// TestManyClients lets more clients than cores run containers at once.
func TestManyClients(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for client := range 8 {
		wg.Go(func() {
			for i := 0; i < 5 && ctx.Err() == nil; i++ {
				want := fmt.Sprintf("%d-%d", client, i)
				if r := d.Docker("run", "--rm", "busybox", "echo", want); r.Code != 0 || r.Out() != want {
					t.Error(r)
				}
			}
		})
	}
	wg.Wait()
	if left := d.Must(t, "ps", "-aq"); left != "" {
		t.Errorf("left: %s", left)
	}
}
