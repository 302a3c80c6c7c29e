package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
)

// TestDocumentsAreReadOrGivenUp: a client that asks for a document and does not
// read it loses its connection; one that reads late but reads keeps it.
func TestDocumentsAreReadOrGivenUp(t *testing.T) {
	for _, path := range []string{"/containers/json", "/v1.20/containers/json"} { // straight, and shaped
		b := newBench(t)
		b.srv.patience = 200 * time.Millisecond
		ended := make(chan error, 1)
		document := `[{"Id":"` + strings.Repeat("a", 2<<20) + `"}]`
		b.eng.Replace("containers", func(job *engine.Job) error {
			_, err := io.WriteString(job.Stdout, document)
			ended <- err
			return err
		})
		sock := filepath.Join(t.TempDir(), "s")
		up(t, b, map[string]string{"BufferRequests": "0"}, "unix://"+sock)
		for _, reads := range []bool{false, true} {
			conn, err := net.Dial("unix", sock)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
			r := bufio.NewReader(conn)
			rounds := 2 // on one connection: the deadline is gone after an answer
			for range rounds {
				if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					break
				}
				if !reads {
					givenUp(t, conn)
				}
				n := int64(0)
				resp, err := http.ReadResponse(r, nil)
				if err == nil {
					n, err = io.Copy(io.Discard, resp.Body)
				}
				<-ended
				if whole := err == nil && n >= int64(len(document)); whole != reads {
					t.Errorf("%s, reads %v: %d bytes, %v", path, reads, n, err)
				}
				if !reads {
					break
				}
				time.Sleep(300 * time.Millisecond)
			}
			_ = conn.Close()
		}
		_ = b.eng.Shutdown(context.Background())
	}
}

// givenUp waits, without reading, until the server has closed a connection.
func givenUp(t *testing.T, conn net.Conn) {
	t.Helper()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		for range 100 {
			if n, _ := unix.Poll(set, 100); n > 0 { // EINTR is another round
				return
			}
		}
		t.Error("the server keeps the connection of a client that does not read")
	})
	if err != nil {
		t.Fatal(err)
	}
}
