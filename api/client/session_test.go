//go:build !windows

package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kr/pty"
	"github.com/moby/term"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/runconfig"
)

// terminalRun is a command line on a terminal.
type terminalRun struct {
	master, slave *os.File
	done          chan int
	errs          *lockedBuffer
}

func onTerminal(t *testing.T, d *fakeDaemon, cancelled context.Context, line string) *terminalRun {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	if err := pty.Setsize(master, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	r := &terminalRun{master: master, slave: slave, done: make(chan int, 1), errs: &lockedBuffer{}}
	cli := newTestCLI(d, Streams{In: slave, Out: slave, Err: r.errs})
	go func() { r.done <- cli.report(cli.dispatch(cancelled, strings.Fields(line))) }()
	return r
}

func (r *terminalRun) read(t *testing.T, want string) {
	t.Helper()
	_ = r.master.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, 0, 100)
	for buf := make([]byte, 100); !strings.Contains(string(got), want); {
		n, err := r.master.Read(buf)
		if err != nil {
			t.Fatalf("waiting for %q: %v after %q", want, err, got)
		}
		got = append(got, buf[:n]...)
	}
}

func (r *terminalRun) status(t *testing.T, want int) {
	t.Helper()
	select {
	case code := <-r.done:
		if code != want {
			t.Errorf("status %d, want %d; stderr %q", code, want, r.errs.String())
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the command does not end")
	}
}

// isRaw tells whether raw mode would change nothing.
func isRaw(t *testing.T, f *os.File) bool {
	t.Helper()
	before, err := term.MakeRaw(f.Fd())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := term.SaveState(f.Fd())
	if err != nil {
		t.Fatal(err)
	}
	if err := term.RestoreTerminal(f.Fd(), before); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(*before) == fmt.Sprint(*raw)
}

// echo sends back what it gets until it reads "q".
func (c *fakeContainer) echo(code int) {
	c.serve = func(_ net.Conn, in *bufio.Reader, out, _ io.Writer) {
		for {
			b, err := in.ReadByte()
			if err != nil || b == 'q' {
				c.exit <- code
				return
			}
			fmt.Fprintf(out, "<%d>", b)
		}
	}
}

func TestRunTerminal(t *testing.T) {
	d := newFake(t)
	addContainer(d, true).echo(5)
	sizes := make(chan string, 8)
	d.routes["POST /containers/"+testID+"/resize"] = func(_ http.ResponseWriter, r *http.Request) {
		sizes <- r.URL.Query().Get("h") + "x" + r.URL.Query().Get("w")
	}
	r := onTerminal(t, d, t.Context(), "run -it busybox")
	if got := <-sizes; got != "30x100" {
		t.Errorf("first size %s", got)
	}
	if _, err := r.master.WriteString("a\x03"); err != nil { // a raw Ctrl-C is a byte like others
		t.Fatal(err)
	}
	r.read(t, "<97><3>")
	if !isRaw(t, r.slave) {
		t.Error("the terminal is not raw")
	}
	if err := pty.Setsize(r.master, &pty.Winsize{Rows: 31, Cols: 101}); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGWINCH)
	if got := <-sizes; got != "31x101" {
		t.Errorf("second size %s", got)
	}
	if _, err := r.master.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	r.status(t, 5)
	if isRaw(t, r.slave) {
		t.Error("the terminal was not restored")
	}
}

func TestDetachKeys(t *testing.T) {
	d := newFake(t)
	c := addContainer(d, true)
	c.serve = func(_ net.Conn, in *bufio.Reader, out, _ io.Writer) {
		fmt.Fprint(out, "ready")
		for last := byte(0); ; {
			b, err := in.ReadByte()
			if err != nil || last == 16 && b == 17 {
				return
			}
			last = b
		}
	}
	d.routes["GET /containers/"+testID+"/json"] = answer(api.ContainerInspect{Id: testID, State: &api.ContainerState{Running: true}})
	r := onTerminal(t, d, t.Context(), "run -it busybox")
	r.read(t, "ready")
	for _, key := range []string{"\x10", "\x11"} {
		if _, err := r.master.WriteString(key); err != nil {
			t.Fatal(err)
		}
	}
	r.status(t, 0)
	if isRaw(t, r.slave) {
		t.Error("the terminal was not restored")
	}
}

func TestSignalInRawMode(t *testing.T) {
	for _, tt := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGINT, 0}, {syscall.SIGTERM, 143}} {
		t.Run(tt.signal.String(), func(t *testing.T) {
			d := newFake(t)
			addContainer(d, true).echo(0)
			r := onTerminal(t, d, t.Context(), "run -it busybox")
			if _, err := r.master.WriteString("a"); err != nil {
				t.Fatal(err)
			}
			r.read(t, "<97>")
			_ = syscall.Kill(os.Getpid(), tt.signal)
			r.status(t, tt.code)
			if isRaw(t, r.slave) {
				t.Error("the terminal was not restored")
			}
		})
	}
}

func TestSignalProxy(t *testing.T) {
	d := newFake(t)
	c := addContainer(d, false)
	killed := make(chan string, 8)
	d.routes["POST /containers/"+testID+"/kill"] = func(w http.ResponseWriter, r *http.Request) {
		killed <- r.URL.Query().Get("signal")
		w.WriteHeader(http.StatusNoContent)
	}
	c.serve = func(_ net.Conn, _ *bufio.Reader, out, _ io.Writer) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		fmt.Fprint(out, <-killed)
		_ = syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		fmt.Fprint(out, " ", <-killed)
		c.exit <- 143
	}
	docker(t, d, "", "run busybox sleep 100").want(t, 143, "TERM USR1", "")
}

func TestSignalNames(t *testing.T) {
	for s, want := range map[syscall.Signal]string{
		syscall.SIGINT: "INT", syscall.SIGTERM: "TERM", syscall.SIGABRT: "ABRT", syscall.SIGHUP: "HUP",
		syscall.SIGWINCH: "WINCH", syscall.Signal(250): "",
	} {
		if got := signalName(s); got != want {
			t.Errorf("signal %d is %q, want %q", s, got, want)
		}
	}
	for _, s := range proxiedSignals() {
		if s == syscall.SIGCHLD || s == syscall.SIGKILL || s == syscall.SIGURG {
			t.Errorf("%v is proxied", s)
		}
	}
}

func TestAttach(t *testing.T) {
	d := newFake(t)
	c := addContainer(d, false)
	c.hello(4)
	close(c.started)
	inspect := api.ContainerInspect{
		Id: testID, State: &api.ContainerState{Running: true}, Config: &runconfig.Config{OpenStdin: true},
	}
	d.routes["GET /containers/web/json"] = answer(inspect)
	docker(t, d, "", "attach web").want(t, 4, "to stdout\n", "to stderr\n")
	docker(t, d, "", "attach nope").want(t, 1, "", "Error response from daemon: No such thing: /containers/nope/json\n")
	inspect.State = &api.ContainerState{}
	d.routes["GET /containers/web/json"] = answer(inspect)
	docker(t, d, "", "attach web").want(t, 1, "", "You cannot attach to a stopped container, start it first\n")
	inspect.State = &api.ContainerState{Running: true}
	inspect.Config.Tty = true
	d.routes["GET /containers/web/json"] = answer(inspect)
	docker(t, d, "", "attach web").want(t, 1, "", "cannot enable tty mode on non tty input\n")
}

// The stream ends, the container runs on: there is nothing to wait for.
func TestAttachEndsWithoutExit(t *testing.T) {
	d := newFake(t)
	c := addContainer(d, false)
	c.serve = func(_ net.Conn, _ *bufio.Reader, out, _ io.Writer) { fmt.Fprintln(out, "so far") }
	close(c.started)
	inspect := answer(api.ContainerInspect{Id: testID, State: &api.ContainerState{Running: true}, Config: &runconfig.Config{}})
	d.routes["GET /containers/web/json"] = inspect
	d.routes["GET /containers/"+testID+"/json"] = inspect
	docker(t, d, "", "attach web").want(t, 0, "so far\n", "")
}

func TestStart(t *testing.T) {
	d := newFake(t)
	c := addContainer(d, false)
	c.hello(6)
	d.routes["GET /containers/web/json"] = answer(api.ContainerInspect{
		Id: testID, State: &api.ContainerState{}, Config: &runconfig.Config{}, HostConfig: &runconfig.HostConfig{},
	})
	docker(t, d, "", "start -a web").want(t, 6, "to stdout\n", "to stderr\n")
	docker(t, d, "", "start -i a b").want(t, 1, "", "You cannot start and attach multiple containers at once.\n")
	d.routes["POST /containers/one/start"] = status(http.StatusNoContent)
	d.routes["POST /containers/two/start"] = status(http.StatusNotModified)
	docker(t, d, "", "start one nope two").want(t, 1, "one\ntwo\n",
		"Error response from daemon: No such thing: /containers/nope/start\nError: failed to start one or more containers\n")
	d.routes["POST /containers/"+testID+"/start"] = failWith(http.StatusInternalServerError, "Cannot start container web: boom")
	docker(t, d, "", "start -a web").want(t, 1, "", "Error response from daemon: Cannot start container web: boom\n")
}
