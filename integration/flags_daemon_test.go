package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestDaemonFlagsReachContainers: what the daemon is told is what containers get
// that do not say, and no more than that.
func TestDaemonFlagsReachContainers(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "deny.json")
	text := `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":16}]}`
	if err := os.WriteFile(profile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := daemonproc.Start(t, daemonproc.Options{Args: []string{
		"--init", "--no-new-privileges", "--seccomp-profile", profile, "--default-ipc-mode", "shareable",
		"--default-cgroupns-mode", "private", "--default-shm-size", "32m", "--dns", "192.0.2.1", "--dns-opt", "ndots:7",
		"--stop-timeout", "1", "--shutdown-timeout", "9",
	}})
	const look = "cat /proc/1/comm; grep NoNewPrivs /proc/self/status; mkdir /m 2>&1; df -k /dev/shm | tail -1; cat /etc/resolv.conf"
	for _, cli := range []func(...string) daemonproc.Result{
		d.Docker, func(args ...string) daemonproc.Result { return d.Official(t, args...) },
	} {
		got := cli("run", "--rm", "busybox", "sh", "-c", look).Stdout
		for _, want := range []string{"docker-init", "NoNewPrivs:\t1", "busy", " 32768 ", "ndots:7"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in %q", want, got)
			}
		}
		got = cli("run", "--rm", "--init=false", "--security-opt", "no-new-privileges=false", "--security-opt", "seccomp=builtin",
			"--shm-size", "16m", "--dns-opt", "ndots:8", "busybox", "sh", "-c", look).Stdout
		for _, want := range []string{"NoNewPrivs:\t0", " 16384 ", "ndots:8"} {
			if !strings.Contains(got, want) {
				t.Errorf("asked for otherwise: no %q in %q", want, got)
			}
		}
		for _, not := range []string{"docker-init", "busy"} {
			if strings.Contains(got, not) {
				t.Errorf("asked for otherwise: %q in %q", not, got)
			}
		}
		id := strings.TrimSpace(cli("create", "busybox", "true").Stdout)
		if got := d.Must(t, "inspect", "-f", "{{.HostConfig.IpcMode}} {{.HostConfig.CgroupnsMode}}", id); strings.TrimSpace(got) != "shareable private" {
			t.Errorf("inspect says %q", got)
		}
		d.Must(t, "rm", id)
	}
	if got := d.MustOfficial(t, "info"); !strings.Contains(got, "Profile: "+profile) || !strings.Contains(got, "no-new-privileges") {
		t.Errorf("info says %q", got)
	}
	d.Must(t, "run", "-d", "--name", "deaf", "--init=false", "busybox", "sh", "-c", `trap "" TERM; echo ready; while :; do sleep 1; done`)
	d.Eventually(t, "ready", "logs", "deaf")
	began := time.Now()
	if code, err := d.Stop(); err != nil || code != 0 {
		t.Errorf("stop: %d, %v", code, err)
	}
	if took := time.Since(began); took < 900*time.Millisecond || took > 6*time.Second {
		t.Errorf("a stop with a container that does not listen took %v", took)
	}
}

// TestDaemonRefusesDefaults: what no container could start with ends the start of
// the daemon, in words.
func TestDaemonRefusesDefaults(t *testing.T) {
	daemonproc.Require(t)
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`{"defaultAction":"SCMP_ACT_DANCE"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]string{
		"--default-ipc-mode=host":           `IPC mode "host" is not supported as default value`,
		"--default-cgroupns-mode=none":      `cgroup namespace mode "none" is invalid`,
		"--seccomp-profile=/does/not/exist": "opening seccomp profile (/does/not/exist) failed",
		"--seccomp-profile=" + bad:          `action "SCMP_ACT_DANCE" is not supported`,
		"--default-ulimit=nofile=2:1":       "nofile",
		"--log-driver=odd":                  "odd",
		"--cgroup-parent=/up/../and/out":    "cgroup parent",
		"--default-shm-size=much":           "--default-shm-size",
		"--shutdown-timeout=-1":             "cannot be below 0",
	} {
		d, err := daemonproc.New(daemonproc.Options{Args: []string{flag}, NoBridge: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Start(); err == nil {
			t.Errorf("%s: the daemon started", flag)
		}
		if log := d.Log(4000); !strings.Contains(log, want) {
			t.Errorf("%s: the log has no %q: %s", flag, want, log)
		}
		if err := d.Close(); err != nil {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
