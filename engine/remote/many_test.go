package remote_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/engine/wire"
)

// perConnection is the memory that an idle session may take here, all told: two
// goroutines' stacks, the buffers of the HTTP server and of the session.
const perConnection = 64 << 10

// clientsVariable makes the test binary the other half of TestManyConnections:
// "SOCKET COUNT".
const clientsVariable = "REMOTE_TEST_CLIENTS"

// Ten thousand sessions on one engine, most of them idle. The clients are in a
// process of their own, because of the limit of descriptors.
func TestManyConnections(t *testing.T) {
	if spec := os.Getenv(clientsVariable); spec != "" {
		manyClients(t, spec)
		return
	}
	count := 10000
	if testing.Short() {
		count = 1000
	}
	eng := newEngine(t)
	srv := serveUnix(t, eng)
	before := memory()
	cmd := exec.Command(os.Args[0], "-test.run=^TestManyConnections$", "-test.v")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", clientsVariable, srv.socket, count))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(stdout)
	for line := ""; line != "connected\n"; {
		if line, err = out.ReadString('\n'); err != nil {
			t.Fatalf("the clients end with %v (%v)", err, cmd.Wait())
		}
	}
	took := time.Since(start)
	each := (memory() - before) / int64(count)
	t.Logf("%d sessions in %v, %d bytes each", count, took, each)
	if each > perConnection {
		t.Errorf("an idle session takes %d bytes, %d are allowed", each, perConnection)
	}
	if _, body := ask(t, srv.client, srv.url+"/echo?a=another", nil); body != "another" {
		t.Errorf("one more client gets %q", body)
	}
	_ = stdin.Close()
	rest, err := io.ReadAll(out)
	if err = errors.Join(err, cmd.Wait()); err != nil {
		t.Errorf("the clients: %v\n%s", err, rest)
	}
	nothingRuns(t, eng)
}

// memory is what the process holds, after a collection.
func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// manyClients opens sessions and runs a job on every tenth. When its stdin ends
// it runs one more on each of those and leaves.
func manyClients(t *testing.T, spec string) {
	socket, number, _ := strings.Cut(spec, " ")
	count, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]*bare, count)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := worker; i < count; i += 8 {
				c, err := openBare(socket)
				if err == nil && i%10 == 0 {
					err = c.echo(1)
				}
				if err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				conns[i] = c
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	fmt.Println("\nconnected")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Error(err)
	}
	for i := 0; i < count; i += 10 {
		if err := conns[i].echo(2); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
}

// bare is a session without a client: bytes.
type bare struct {
	net.Conn
	r *bufio.Reader
}

func openBare(socket string) (*bare, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	c := &bare{conn, bufio.NewReaderSize(conn, 512)}
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, upgradeHead); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil || res.Header.Get("Upgrade") != remote.Upgrade {
		return nil, fmt.Errorf("no session: %+v %w", res, err)
	}
	hello := wire.AppendHello(nil, &wire.Hello{Version: wire.Version, Window: wire.DefaultWindow})
	if _, err := conn.Write(wire.AppendFrame(nil, wire.Frame{Type: wire.FrameHello, Payload: hello})); err != nil {
		return nil, err
	}
	f, err := c.receive()
	if err != nil || f.Type != wire.FrameHello {
		return nil, fmt.Errorf("no Hello but type %d: %w", f.Type, err)
	}
	return c, nil
}

func (c *bare) receive() (wire.Frame, error) {
	var head [wire.HeaderSize]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return wire.Frame{}, err
	}
	f, n, err := wire.ParseHeader(head[:])
	if err != nil {
		return f, err
	}
	f.Payload = make([]byte, n)
	_, err = io.ReadFull(c.r, f.Payload)
	return f, err
}

// echo runs a job and checks its answer.
func (c *bare) echo(call uint32) error {
	b := wire.AppendFrame(nil, wire.Frame{Type: wire.FrameCall, Call: call, Payload: wire.AppendCall(nil, &wire.Call{Name: "echo", Args: []string{"hello"}})})
	if _, err := c.Write(wire.AppendFrame(b, wire.Frame{Type: wire.FrameEOF, Call: call})); err != nil {
		return err
	}
	text := ""
	for {
		f, err := c.receive()
		switch {
		case err != nil:
			return err
		case f.Type == wire.FrameOut && f.Call == call:
			text += string(f.Payload)
		case f.Type == wire.FrameResult && f.Call == call:
			if result, err := wire.ParseResult(f.Payload); result != nil || err != nil || text != "hello" {
				return fmt.Errorf("echo says %q, %v %w", text, result, err)
			}
			return nil
		}
	}
}
