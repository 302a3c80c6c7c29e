package remote_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine/remote"
)

// The clients in other languages, against a real engine on a unix socket.

const clients = "../../docs/api/clients"

// client runs one of them and returns its outputs and exit status.
func client(t *testing.T, stdin string, name string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = clients
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", name, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestShellClient(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is missing; hack/make.sh deps test installs it")
	}
	srv := serveUnix(t, newEngine(t))
	host := "unix://" + srv.socket
	big := strings.Repeat("a line of input\n", 100000)
	for _, c := range []struct {
		args           []string
		stdin          string
		stdout, stderr string
		status         int
	}{
		{[]string{"-c", "say", "one", "two & three"}, "", "one two & three\ncareful\nand that was it\n", "", 0},
		{[]string{"echo", "one", "", "a=b", "100 % ü"}, "", "one  a=b 100 % ü", "", 0},
		{[]string{"strict", "count=7", "x"}, "", "x 7", "", 0},
		{[]string{"echo", "--", "count=7", "x"}, "", "count=7 x", "", 0},
		{[]string{"-i", "cat"}, big, big, "", 0},
		{[]string{"-i", "mute"}, big, "", "", 0},
		{[]string{"say", "x"}, "", "x\ncareful\n", "and that was it\n", 1},
		{[]string{"fail", `text=100 % of \n` + "\nü", "not_found"}, "", "", `failing: 100 % of \n` + "\nü\n", 1},
		{[]string{"strict", "count=x", "x"}, "", "", "env count: ", 1},
		{[]string{"nojob"}, "", "", "nojob: command not found\n", 127},
		{[]string{"-i", "nojob"}, big, "", "nojob: command not found\n", 127},
	} {
		stdout, stderr, status := client(t, c.stdin, "bash", append([]string{"jobs.sh", "-H", host}, c.args...)...)
		if stdout != c.stdout || status != c.status || stderr != c.stderr && !(c.args[0] == "strict" && strings.Contains(stderr, "count")) {
			t.Errorf("%q: %d %.200q %.200q", c.args, status, stdout, stderr)
		}
	}
	stdout, stderr, status := client(t, "", "bash", "jobs.sh", "-H", "unix:///nowhere", "echo")
	if stdout != "" || status != 125 || !strings.Contains(stderr, "has no result") {
		t.Errorf("no engine: %d %q %q", status, stdout, stderr)
	}
}

func TestPythonClient(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is missing; hack/make.sh deps test installs it")
	}
	eng := newEngine(t)
	srv := serveUnix(t, eng)
	script, err := os.ReadFile("testdata/jobs_test.py")
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, status := client(t, "", "python3", "-c", string(script), srv.socket)
	if status != 0 || stdout != "done\n" {
		t.Errorf("%d %s%s", status, stdout, stderr)
	}
	nothingRuns(t, eng)
	tcp := serveH2C(t, eng)
	host, port, _ := strings.Cut(tcp.address, ":")
	stdout, stderr, status = client(t, "", "python3", "-c", `
import sys
from jobs import Engine
print(Engine(sys.argv[1], int(sys.argv[2])).job("echo", "over", "tcp").output().decode())`, host, port)
	if status != 0 || stdout != "over tcp\n" {
		t.Errorf("%d %s%s", status, stdout, stderr)
	}
	nothingRuns(t, eng)
	_ = remote.Upgrade
}
