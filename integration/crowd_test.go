package integration

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// A crowd of clients costs the daemon a bounded amount of memory each, gets
// answers, and is forgotten when it leaves.

// crowd is how many connections a test opens: ten thousand, where the limit of
// open files allows them in the test and in the daemon.
func crowd(t *testing.T) int {
	t.Helper()
	const want, spare = 10_000, 500
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if most := int(min(limit.Max, 1<<20)) - spare; most < want {
		t.Logf("only %d connections: the limit of open files is %d", most, limit.Max)
		return most
	}
	return want
}

// resident is the memory of a process in bytes.
func resident(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text))
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// flood opens n connections and sends the same on each.
func flood(t *testing.T, d *daemonproc.Daemon, n int, text string) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := w; i < n; i += 8 {
				var conn net.Conn
				var err error
				// The queue of a unix socket may be full for a moment: the kernel lets
				// nobody wait there.
				daemonproc.Poll(10*time.Second, func() bool {
					conn, err = (&net.Dialer{}).DialContext(t.Context(), "unix", d.Socket())
					return !errors.Is(err, syscall.EAGAIN)
				})
				if err != nil {
					t.Errorf("connection %d: %v", i, err)
					return
				}
				conns[i] = conn
				if _, err := io.WriteString(conn, text); err != nil {
					t.Errorf("connection %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	return conns
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		if c != nil {
			_ = c.Close() // the daemon may have been faster
		}
	}
}

func TestTenThousandConnections(t *testing.T) {
	n := crowd(t)
	if testing.Short() {
		t.Skip("opens sixty thousand connections")
	}
	for _, c := range []struct {
		name, text string
		most       int // bytes of the daemon for each connection
	}{
		{"silent", "", 24 << 10},
		{"half a head", "GET /version HTTP/1.1\r\nHost: docker\r\nX-", 24 << 10},
		{"waiting for events", "GET /events HTTP/1.1\r\nHost: docker\r\n\r\n", 64 << 10},
		{"waiting for events by name", "GET /jobs/events HTTP/1.1\r\nHost: docker\r\n\r\n", 64 << 10},
		{"sessions that say nothing", "GET /jobs/ HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: enginejobs/1\r\n\r\n", 64 << 10},
		{"answers that nobody reads", "GET /version HTTP/1.1\r\nHost: docker\r\n\r\n", 64 << 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true})
			files, before := openFiles(d.Pid()), resident(t, d.Pid())
			conns := flood(t, d, n, c.text)
			defer closeAll(conns)
			time.Sleep(time.Second) // the crowd is all in
			began := time.Now()
			stillServes(t, d)
			took := time.Since(began)
			each := (resident(t, d.Pid()) - before) / n
			t.Logf("%d connections: %d bytes each, answer to one more after %v", n, each, took)
			if each > c.most {
				t.Errorf("%d bytes for each connection, at most %d are wanted", each, c.most)
			}
			closeAll(conns)
			if !daemonproc.Poll(30*time.Second, func() bool { return openFiles(d.Pid()) <= files+5 }) {
				t.Errorf("%d files are open, before it were %d", openFiles(d.Pid()), files)
			}
			stillServes(t, d)
		})
	}
}

// TestQueueIsBounded: more jobs than may run and wait are told so at once, and
// questions are answered meanwhile.
func TestQueueIsBounded(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true, Args: []string{"--max-write-jobs=2"}})
	d.Must(t, "create", "--name", "box", "busybox", "true")
	// An import whose archive does not come holds its place.
	slow := flood(t, d, 2, "POST /images/create?fromSrc=-&repo=x HTTP/1.1\r\nHost: docker\r\nContent-Length: 1000\r\n\r\nx")
	defer closeAll(slow)
	if !daemonproc.Poll(5*time.Second, func() bool { return strings.Count(jobs(t, d), `"import"`) == 2 }) {
		t.Fatalf("jobs: %s", jobs(t, d))
	}
	waiting := make(chan int, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://docker/containers/box/rename?name=boxes", nil)
		if err != nil {
			waiting <- -1
			return
		}
		resp, err := d.HTTP().Do(req)
		if err != nil {
			waiting <- -1
			return
		}
		_ = resp.Body.Close()
		waiting <- resp.StatusCode
	}()
	if !daemonproc.Poll(5*time.Second, func() bool { return strings.Contains(jobs(t, d), `"queued"`) }) {
		t.Fatalf("nobody waits: %s", jobs(t, d))
	}
	d.Must(t, "version") // reads never wait for changes
	closeAll(slow)
	if code := <-waiting; code != http.StatusNoContent {
		t.Errorf("the one that waited: %d", code)
	}
}

// jobs lists what runs.
func jobs(t *testing.T, d *daemonproc.Daemon) string {
	t.Helper()
	resp, err := d.HTTP().Get("http://docker/jobs/jobs")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSlowReader: a client that asks for much and reads nothing holds up nobody
// but itself.
func TestSlowReader(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true})
	d.Must(t, "create", "--name", "box", "busybox", "true")
	files, before := openFiles(d.Pid()), resident(t, d.Pid())
	const n = 100
	conns := flood(t, d, n, "GET /containers/box/export HTTP/1.1\r\nHost: docker\r\n\r\n")
	defer closeAll(conns)
	if !daemonproc.Poll(10*time.Second, func() bool { return strings.Count(jobs(t, d), `"export"`) == n }) {
		t.Errorf("exports: %d", strings.Count(jobs(t, d), `"export"`))
	}
	stillServes(t, d)
	if each := (resident(t, d.Pid()) - before) / n; each > 512<<10 {
		t.Errorf("%d bytes for each reader that does not read", each)
	}
	head, err := bufio.NewReader(conns[0]).ReadString('\n')
	if err != nil || !strings.Contains(head, "200") {
		t.Errorf("the first one, at last: %q %v", head, err)
	}
	closeAll(conns)
	if !daemonproc.Poll(10*time.Second, func() bool { return openFiles(d.Pid()) <= files+3 && !strings.Contains(jobs(t, d), `"export"`) }) {
		t.Errorf("left: %d files, before %d; %s", openFiles(d.Pid()), files, jobs(t, d))
	}
}

// TestDrainOfSessions: a stop lets the change of a session end and cuts what
// only waits.
func TestDrainOfSessions(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, NoImage: true})
	waits := flood(t, d, 1, "GET /jobs/events HTTP/1.1\r\nHost: docker\r\n\r\n")
	defer closeAll(waits)
	if !daemonproc.Poll(5*time.Second, func() bool { return strings.Contains(jobs(t, d), `"events"`) }) {
		t.Fatalf("jobs: %s", jobs(t, d))
	}
	began := time.Now()
	if code, err := d.Stop(); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if err := waits[0].SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, waits[0]); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the client that waited still waits")
	}
}
