package daemonproc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// commandTimeout bounds one CLI command; a hanging one fails its test instead
// of the whole run.
const commandTimeout = 60 * time.Second

// Result is how a command ended.
type Result struct {
	Args           []string
	Stdout, Stderr string
	Code           int // -1 when it did not run or was killed
	Took           time.Duration
}

func (r Result) String() string {
	return fmt.Sprintf("%s: exit %d\nstdout: %s\nstderr: %s", strings.Join(r.Args, " "), r.Code, r.Stdout, r.Stderr)
}

// Out is stdout without the white space around it.
func (r Result) Out() string { return strings.TrimSpace(r.Stdout) }

// Environ is the environment of a client of this daemon.
func (d *Daemon) Environ() []string {
	return append(os.Environ(), "DOCKER_HOST="+d.Host, "HOME="+d.Dir, "DOCKER_CONFIG="+d.Dir)
}

// Docker runs our CLI.
func (d *Daemon) Docker(args ...string) Result { return d.run(d.Bin, nil, args...) }

// DockerStdin runs our CLI with an input.
func (d *Daemon) DockerStdin(stdin io.Reader, args ...string) Result {
	return d.run(d.Bin, stdin, args...)
}

// Must runs our CLI, fails the test unless it exits 0, and gives its output
// without the white space around it.
func (d *Daemon) Must(t testing.TB, args ...string) string {
	t.Helper()
	return mustRun(t, d.Docker(args...))
}

// Official runs the official CLI.
func (d *Daemon) Official(t testing.TB, args ...string) Result {
	t.Helper()
	return d.run(MustAsset(t, "client"), nil, args...)
}

// MustOfficial is Must with the official CLI.
func (d *Daemon) MustOfficial(t testing.TB, args ...string) string {
	t.Helper()
	return mustRun(t, d.Official(t, args...))
}

func mustRun(t testing.TB, r Result) string {
	t.Helper()
	if r.Code != 0 {
		t.Fatal(r)
	}
	return r.Out()
}

// Command prepares a client process that the test itself starts and stops.
func (d *Daemon) Command(ctx context.Context, bin string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env = d.Environ()
	cmd.WaitDelay = time.Second
	return cmd
}

func (d *Daemon) run(bin string, stdin io.Reader, args ...string) Result {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := d.Command(ctx, bin, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	r := Result{Args: append([]string{bin}, args...), Stdout: stdout.String(), Stderr: stderr.String(), Took: time.Since(began)}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		r.Code, r.Stderr = -1, r.Stderr+fmt.Sprintf("\n(killed after %s)", commandTimeout)
	case errors.As(err, &exit):
		r.Code = exit.ExitCode()
	default:
		r.Code, r.Stderr = -1, r.Stderr+err.Error()
	}
	return r
}

// HTTP is a client of the daemon's socket; use URLs that begin with
// http://docker/.
func (d *Daemon) HTTP() *http.Client { return d.client }

// Socket is the path of the daemon's unix socket.
func (d *Daemon) Socket() string { return strings.TrimPrefix(d.Host, "unix://") }

// Eventually runs our CLI until its output matches, and gives that output.
func (d *Daemon) Eventually(t testing.TB, want string, args ...string) string {
	t.Helper()
	re := regexp.MustCompile(want)
	var last Result
	if !Poll(15*time.Second, func() bool {
		last = d.Docker(args...)
		return re.MatchString(last.Stdout)
	}) {
		t.Fatalf("never printed %q: %s", want, last)
	}
	return last.Out()
}

// Poll asks until the answer is yes or the time is over.
func Poll(timeout time.Duration, ok func() bool) bool {
	for end := time.Now().Add(timeout); ; time.Sleep(20 * time.Millisecond) {
		if ok() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}
