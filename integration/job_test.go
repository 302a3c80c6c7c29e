package integration

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/integration/daemonproc"
)

// docker job beside real containers, as processes: signals, pipes, and engines
// that stand between.

// inFront serves an engine that forwards what it does not know to the daemon,
// and gives its host.
func inFront(t *testing.T, host string, install func(*engine.Engine)) string {
	t.Helper()
	there, err := remote.Dial(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	eng := engine.New()
	eng.RegisterCatchall(there.Handle)
	install(eng)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/jobs/", remote.Handler(eng, remote.Options{}))
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		there.Close()
	})
	return "unix://" + l.Addr().String()
}

// TestJobsThroughASecondEngine runs jobs of the daemon on engines that only
// forward them, once and twice.
func TestJobsThroughASecondEngine(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	d.Must(t, "run", "--name", "box", "busybox", "sh", "-c", "echo out; echo err >&2")
	second := inFront(t, d.Host, func(eng *engine.Engine) {
		if err := eng.Register("hello", func(job *engine.Job) error {
			job.Printf("hello\n")
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	third := inFront(t, second, func(*engine.Engine) {})
	for _, host := range []string{second, third} {
		if r := d.Docker("-H", host, "job", "run", "hello"); r.Stdout != "hello\n" || r.Code != 0 {
			t.Errorf("its own job: %s", r)
		}
		if r := d.Docker("-H", host, "job", "run", "logs", "stdout=1", "stderr=1", "box"); r.Stdout != "out\n" || r.Stderr != "err\n" || r.Code != 0 {
			t.Errorf("forwarded: %s", r)
		}
		if r := d.Docker("-H", host, "job", "run", "no_such_job"); r.Code != 127 {
			t.Errorf("nobody has it: %s", r)
		}
		if r := d.Docker("-H", host, "job", "run", "container_inspect", "nobody"); r.Code != 1 ||
			r.Stderr != "Error response from daemon: No such container: nobody\n" {
			t.Errorf("a failure: %s", r)
		}
		tar, err := os.Open(daemonproc.MustAsset(t, "busybox"))
		if err != nil {
			t.Fatal(err)
		}
		if r := d.DockerStdin(tar, "-H", host, "job", "run", "import", "-", "again"); r.Code != 0 || !strings.HasPrefix(r.Stdout, "sha256:") {
			t.Errorf("with a standard input: %s", r)
		}
		tar.Close()
	}
}

// background starts a client that goes on until it is signalled.
func background(t *testing.T, d *daemonproc.Daemon, args ...string) (cmd *exec.Cmd, out, errs *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	cmd = d.Command(ctx, d.Bin, args...)
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out, errs
}

// TestJobRunInterrupted: the job of a client that is interrupted or killed ends.
func TestJobRunInterrupted(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	d.Must(t, "run", "-d", "--name", "box", "busybox", "sh", "-c", "while :; do echo tick; sleep 0.1; done")
	names := func() string { return d.Must(t, "job", "ls", "--format", "{{.Name}}") }
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGKILL: -1} {
		cmd, out, errs := background(t, d, "job", "run", "logs", "stdout=1", "follow=1", "box")
		if !daemonproc.Poll(5*time.Second, func() bool { return strings.Contains(names(), "logs") }) {
			t.Fatalf("the job does not run: %s", names())
		}
		time.Sleep(200 * time.Millisecond)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // its exit code is what counts
		if code := cmd.ProcessState.ExitCode(); code != want || !strings.Contains(out.String(), "tick\n") || errs.Len() > 0 {
			t.Errorf("%v: exit %d, want %d\n%s\n%s", sig, code, want, out, errs)
		}
		if !daemonproc.Poll(5*time.Second, func() bool { return !strings.Contains(names(), "logs") }) {
			t.Errorf("%v: the job runs on: %s", sig, names())
		}
	}
}

// TestJobTracePiped: a reader that leaves ends the trace, and one that stays
// sees whole trees of runs at the same time.
func TestJobTracePiped(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	cmd, out, errs := background(t, d, "job", "trace", "-f", "-n", "0")
	time.Sleep(300 * time.Millisecond)
	done := make(chan daemonproc.Result)
	for range 4 {
		go func() { done <- d.Docker("run", "--rm", "busybox", "true") }()
	}
	for range 4 {
		if r := <-done; r.Code != 0 {
			t.Errorf("%s", r)
		}
	}
	time.Sleep(500 * time.Millisecond)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was ended
	text := out.String()
	if strings.Count(text, "  create  uid:0") != 4 || strings.Count(text, "  container_exited ") < 4 || errs.Len() > 0 {
		t.Errorf("%s\n%s", text, errs)
	}
	root := ""
	for line := range strings.Lines(text) {
		child := strings.HasPrefix(strings.TrimLeft(line, " "), "+")
		name := strings.Fields(line)[2]
		if !child {
			root = name
		}
		if child && name == "rm" && root != "container_exited" {
			t.Errorf("the tree of %s has a child of another:\n%s", root, text)
		}
	}
	r := d.Docker("job", "trace", "--format", "json", "-n", "3")
	if strings.Count(r.Stdout, "\n") != 3 || r.Code != 0 {
		t.Errorf("%s", r)
	}
}
