package integration

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestReboot kills everything that a power cut would: the daemon, the exec engine
// and all containers. The next daemon starts what the policies want, once, and the
// others have ended.
func TestReboot(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	reapOrphans(t)
	const script = "echo begin; sleep 1000"
	for _, c := range []struct{ name, policy, script string }{
		{"always", "always", script}, {"unless", "unless-stopped", script}, {"halted", "unless-stopped", script},
		{"failure", "on-failure:3", script}, {"none", "no", script},
	} {
		d.Must(t, "run", "-d", "--name", c.name, "--restart", c.policy, "busybox", "sh", "-c", c.script)
	}
	if r := d.Docker("run", "--name", "done", "busybox", "sh", "-c", "exit 9"); r.Code != 9 {
		t.Fatal(r)
	}
	d.Must(t, "stop", "-t", "0", "halted")
	all := d.OwnProcesses()
	for _, name := range []string{"always", "unless", "failure", "none"} {
		pid := 0
		for _, digit := range d.Must(t, "inspect", "-f", "{{.State.Pid}}", name) {
			pid = 10*pid + int(digit-'0')
		}
		all = append(all, pid)
	}
	for _, pid := range all {
		if pid != d.Pid() {
			_ = syscall.Kill(pid, syscall.SIGSTOP) // nobody sees the others end
		}
	}
	if err := d.Kill9(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGKILL) // the daemon is gone already
	}
	time.Sleep(200 * time.Millisecond)
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"always", "unless", "failure"} {
		d.Eventually(t, "^true", "inspect", "-f", "{{.State.Running}}", name)
		if n := strings.Count(d.Must(t, "logs", name), "begin"); n > 2 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
	for name, want := range map[string]string{"halted": "false 137", "none": "false 255", "done": "false 9"} {
		if got := d.Must(t, "inspect", "-f", "{{.State.Running}} {{.State.ExitCode}}", name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if got := d.Must(t, "inspect", "-f", "{{.State.FinishedAt}}", name); strings.HasPrefix(got, "0001") {
			t.Errorf("%s has no end: %s", name, got)
		}
	}
}
