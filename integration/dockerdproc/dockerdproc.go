// Package dockerdproc starts Debian's dockerd, the peer that images are exchanged
// with, for a test. It owns that process, its containerd, their directory and a
// network and a mount namespace of their own, so that no rule and no mount is left
// behind and the system's daemon is not met. Start reading at Start. Nothing but
// tests imports it.
package dockerdproc

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// Dockerd is one that runs until the end of its test.
type Dockerd struct {
	dir    string
	client string // the official CLI
	where  where
	home   *exec.Cmd
	parts  []*exec.Cmd
}

// Start starts one. The test is skipped where it is not installed or must not.
func Start(t testing.TB) *Dockerd {
	t.Helper()
	return start(t, apart)
}

// StartHere is Start in the network of this host, without bridge and rules, so
// that containers with --network host reach what the host reaches.
func StartHere(t testing.TB) *Dockerd {
	t.Helper()
	return start(t, here)
}

// StartAlone is StartHere with the bridge and the rules that a daemon has: where the
// caller runs there must be nothing but it.
func StartAlone(t testing.TB) *Dockerd {
	t.Helper()
	return start(t, alone)
}

// where a daemon is, seen from its test.
type where int

const (
	apart where = iota // in a network namespace of its own
	here               // in that of the test, without bridge and rules
	alone              // in that of the test, with them
)

func start(t testing.TB, at where) *Dockerd {
	t.Helper()
	daemonproc.Require(t)
	for _, program := range []string{"/usr/sbin/dockerd", "containerd", "runc", "nsenter", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed (package docker.io; hack/make.sh deps installs it); images cannot be exchanged with dockerd", program)
		}
	}
	dir, err := os.MkdirTemp("", "ejt-dockerd-") //nolint:usetesting // its name is that of a control group, too, and the paths of sockets have to be short
	if err != nil {
		t.Fatal(err)
	}
	d := &Dockerd{dir: dir, client: daemonproc.MustAsset(t, "client"), where: at}
	t.Cleanup(d.close)
	if err := d.start(); err != nil {
		log, _ := os.ReadFile(dir + "/log")
		t.Fatalf("starting dockerd: %v\n%s", err, log[max(0, len(log)-3000):])
	}
	return d
}

func (d *Dockerd) start() error {
	args := []string{
		"--mount", "--propagation", "private",
		"sh", "-c", "ip link set lo up && mount -t tmpfs tmpfs /run && touch " + d.dir + "/home && exec sleep infinity",
	}
	if d.where == apart {
		args = append([]string{"--net"}, args...)
	}
	d.home = exec.Command("unshare", args...)
	if err := d.home.Start(); err != nil {
		return err
	}
	if !daemonproc.Poll(10*time.Second, func() bool { _, err := os.Stat(d.dir + "/home"); return err == nil }) {
		return fmt.Errorf("its namespaces were not made")
	}
	if err := os.WriteFile(d.dir+"/none.json", []byte("{}"), 0o600); err != nil {
		return err
	}
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"+
		"[grpc]\n  address = %q\n[ttrpc]\n  address = %q\n", d.dir+"/c-root", d.dir+"/c-state", d.dir+"/c.sock", d.dir+"/c.sock.ttrpc")
	if err := os.WriteFile(d.dir+"/containerd.toml", []byte(config), 0o600); err != nil {
		return err
	}
	if err := d.spawn("containerd", "--config", d.dir+"/containerd.toml"); err != nil {
		return err
	}
	if !daemonproc.Poll(20*time.Second, func() bool {
		conn, err := net.Dial("unix", d.dir+"/c.sock")
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}) {
		return fmt.Errorf("containerd does not answer")
	}
	args = []string{
		"/usr/sbin/dockerd", "-H", d.Host(), "--data-root", d.dir + "/root", "--exec-root", d.dir + "/exec", "--pidfile", d.dir + "/pid",
		"--containerd", d.dir + "/c.sock", "--config-file", d.dir + "/none.json", "--storage-driver", "overlay2", "--cgroup-parent", "/" + filepath.Base(d.dir),
	}
	if d.where != alone {
		args = append(args, "--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false")
	}
	if err := d.spawn(args...); err != nil {
		return err
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", d.dir+"/d.sock")
		},
	}}
	if !daemonproc.Poll(30*time.Second, func() bool {
		resp, err := client.Get("http://docker/_ping")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}) {
		return fmt.Errorf("it does not answer")
	}
	return nil
}

// spawn starts a part inside of the namespaces.
func (d *Dockerd) spawn(args ...string) error {
	log, err := os.OpenFile(d.dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(d.home.Process.Pid), "-n", "-m", "--"}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	d.parts = append(d.parts, cmd)
	return cmd.Start()
}

// Host is its address, for clients.
func (d *Dockerd) Host() string { return "unix://" + d.dir + "/d.sock" }

// Import makes an image of an archive.
func (d *Dockerd) Import(t testing.TB, archive, image string) {
	t.Helper()
	d.Must(t, "import", archive, image)
}

// Must runs the official CLI and returns what it prints.
func (d *Dockerd) Must(t testing.TB, args ...string) string { return d.MustStdin(t, nil, args...) }

// MustStdin is Must with something to read.
func (d *Dockerd) MustStdin(t testing.TB, stdin []byte, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), d.client, append([]string{"-H", d.Host()}, args...)...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0", "DOCKER_CONFIG="+d.dir)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("dockerd: docker %q: %v\n%s%s", args, err, out.Bytes(), errs.Bytes())
	}
	return string(bytes.TrimSpace(out.Bytes()))
}

// close ends everything, the last part first, and removes what it has left.
func (d *Dockerd) close() {
	for i := len(d.parts) - 1; i >= 0; i-- {
		end(d.parts[i])
	}
	end(d.home)
	// The kernel may need a moment until the last one is empty.
	daemonproc.Poll(2*time.Second, func() bool {
		left := false
		for _, pattern := range []string{"/sys/fs/cgroup/*/", "/sys/fs/cgroup/"} {
			for _, below := range []string{"/*/*", "/*", ""} { // BuildKit makes two levels
				groups, _ := filepath.Glob(pattern + filepath.Base(d.dir) + below)
				for _, group := range groups {
					if info, err := os.Lstat(group); err == nil && info.IsDir() {
						left = syscall.Rmdir(group) != nil || left
					}
				}
			}
		}
		return !left
	})
	_ = os.RemoveAll(d.dir)
}

// end stops a process of ours and waits for it, at most ten seconds.
func end(cmd *exec.Cmd) {
	if cmd == nil || cmd.Process == nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	_ = cmd.Wait()
}
