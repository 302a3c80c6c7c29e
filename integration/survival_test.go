package integration

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// Containers outlive the daemon and the exec engine. Ten of them count while
// one of the two is killed and comes back; none may stop, lose a number, its
// name, its ports or its exit code.

const counters = 10

// startCounters runs containers c0…c9 that count, and "brief", which ends with
// 42 soon after the daemon is gone.
func startCounters(t *testing.T, d *daemonproc.Daemon) (pids map[string]string, port string) {
	t.Helper()
	pids = map[string]string{}
	for i := range counters {
		name := fmt.Sprintf("c%d", i)
		d.Must(t, "run", "-d", "--name", name, "busybox", "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; usleep 20000; done")
		pids[name] = d.Must(t, "inspect", "-f", "{{.State.Pid}}", name)
	}
	d.Must(t, "run", "-d", "--name", "web", "-p", "127.0.0.1::80", "busybox", "httpd", "-f", "-h", "/var/www")
	port = d.Must(t, "inspect", "-f", `{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}`, "web")
	fetch(t, "http://127.0.0.1:"+port+"/")
	d.Must(t, "run", "-d", "--name", "brief", "busybox", "sh", "-c", "sleep 1; exit 42")
	return pids, port
}

// checkCounters demands that all is as startCounters left it, and that the log
// of each counter has every number from 1 to where it is now.
func checkCounters(t *testing.T, d *daemonproc.Daemon, pids map[string]string, port string) {
	t.Helper()
	for name, pid := range pids {
		state := d.Must(t, "inspect", "-f", "{{.State.Running}} {{.State.Pid}} {{.Name}}", name)
		if want := fmt.Sprintf("true %s /%s", pid, name); state != want {
			t.Errorf("%s: %q, want %q", name, state, want)
		}
		checkNumbers(t, name, d.Must(t, "logs", name))
	}
	fetch(t, "http://127.0.0.1:"+port+"/")
	if got := d.Must(t, "port", "web", "80"); got != "127.0.0.1:"+port {
		t.Errorf("port of web: %q, want %s", got, port)
	}
	if got := d.Must(t, "wait", "brief"); got != "42" {
		t.Errorf("exit code of brief: %s", got)
	}
	// They still count, and what they say still arrives.
	for name := range pids {
		before := lastNumber(d.Must(t, "logs", "--tail", "1", name))
		if !daemonproc.Poll(10*time.Second, func() bool { return lastNumber(d.Must(t, "logs", "--tail", "1", name)) > before }) {
			t.Errorf("%s does not count any more, it is at %d", name, before)
		}
	}
}

func checkNumbers(t *testing.T, name, logs string) {
	t.Helper()
	lines := strings.Fields(logs)
	for i, line := range lines {
		if line != strconv.Itoa(i+1) {
			t.Errorf("%s: number %d of its log is %q", name, i+1, line)
			return
		}
	}
	if len(lines) == 0 {
		t.Errorf("%s has said nothing", name)
	}
}

func lastNumber(text string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(text)) // 0 when there is none yet
	return n
}

func TestContainersOutliveTheDaemon(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	pids, port := startCounters(t, d)
	if err := d.Kill9(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond) // brief ends while nobody watches
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	checkCounters(t, d, pids, port)
	for name := range pids {
		d.Must(t, "stop", "-t", "0", name)
		if got := d.Must(t, "wait", name); got != "137" {
			t.Errorf("exit code of %s: %s", name, got)
		}
	}
}

func TestContainersOutliveTheExecEngine(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	pids, port := startCounters(t, d)
	for range 2 { // the second engine is as good as the first
		pid, err := d.ExecEngine()
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1200 * time.Millisecond)
		checkCounters(t, d, pids, port)
	}
	if got := d.Must(t, "run", "--rm", "busybox", "echo", "a new one runs"); got != "a new one runs" {
		t.Errorf("run: %q", got)
	}
	if d.Pid() == 0 {
		t.Error("the daemon has ended")
	}
}

func TestContainersOutliveBoth(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	d.Must(t, "run", "-d", "--name", "box", "busybox", "sleep", "1000")
	if r := d.Docker("run", "--name", "done", "busybox", "sh", "-c", "echo said; exit 9"); r.Code != 9 {
		t.Fatal(r)
	}
	engine, err := d.ExecEngine()
	if err != nil {
		t.Fatal(err)
	}
	pid := d.Must(t, "inspect", "-f", "{{.State.Pid}}", "box")
	if err := d.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(engine, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	if got := d.Must(t, "inspect", "-f", "{{.State.Running}} {{.State.Pid}}", "box"); got != "true "+pid {
		t.Errorf("box: %q, want it running as %s", got, pid)
	}
	if got := d.Must(t, "inspect", "-f", "{{.State.ExitCode}}", "done"); got != "9" {
		t.Errorf("done: %q", got)
	}
	if got := d.Must(t, "logs", "done"); got != "said" {
		t.Errorf("logs of done: %q", got)
	}
	d.Must(t, "rm", "-f", "box")
}

// TestNoNameLeaks kills the daemon in the middle of creating containers, many
// times, and checks after each restart that every name belongs to a container
// and can be taken again once that is removed.
func TestNoNameLeaks(t *testing.T) {
	rounds := 15
	if testing.Short() {
		rounds = 3
	}
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	for round := range rounds {
		stop := make(chan struct{})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					d.Docker("create", "--name", fmt.Sprintf("n%d", i), "busybox", "true") // fails when the daemon dies
				}
			}
		}()
		time.Sleep(100*time.Millisecond + time.Duration(round)*7*time.Millisecond)
		if err := d.Kill9(); err != nil {
			t.Fatal(err)
		}
		close(stop)
		<-ended
		if err := d.Start(); err != nil {
			t.Fatal(err)
		}
		listed := map[string]bool{}
		for _, row := range strings.Fields(d.Must(t, "ps", "-aq", "--no-trunc")) {
			listed[strings.TrimPrefix(d.Must(t, "inspect", "-f", "{{.Name}}", row), "/")] = true
			d.Must(t, "rm", row)
		}
		for i := range len(listed) + 3 {
			name := fmt.Sprintf("n%d", i)
			if r := d.Docker("create", "--name", name, "busybox", "true"); r.Code != 0 {
				t.Fatalf("round %d: the name %s is not free (it was listed: %v): %s", round, name, listed[name], r)
			}
			d.Must(t, "rm", name)
		}
	}
}
