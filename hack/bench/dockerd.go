package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dockerd is the ancestor with its containerd, with private directories and, to
// leave no rule and no mount behind, in a network and a mount namespace of their
// own, which the process home holds open; /run is empty there.
type dockerd struct {
	cfg        *config
	dir        string
	cgroup     string
	home       *exec.Cmd
	containerd *exec.Cmd
	daemon     *exec.Cmd
}

func newDockerd(cfg *config) engine {
	for _, program := range []string{"/usr/sbin/dockerd", "containerd", "runc"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil
		}
	}
	return &dockerd{cfg: cfg}
}

func (*dockerd) name() string { return "dockerd" }

func (d *dockerd) open(ctx context.Context) error {
	if d.cfg.official == "" {
		path, err := exec.LookPath("docker")
		if err != nil {
			return errors.New("the official docker CLI is not on the PATH")
		}
		d.cfg.official = path
	}
	var err error
	if d.dir, err = os.MkdirTemp("", "ejt-dockerd-"); err != nil {
		return err
	}
	d.cgroup = filepath.Base(d.dir)
	d.home = exec.Command("unshare", "--net", "--mount", "--propagation", "private",
		"sh", "-c", "ip link set lo up && mount -t tmpfs tmpfs /run && touch "+d.dir+"/home && exec sleep infinity")
	if err := d.home.Start(); err != nil {
		return err
	}
	if err := waitFor(ctx, func() bool { _, err := os.Stat(d.dir + "/home"); return err == nil }); err != nil {
		return fmt.Errorf("making namespaces: %w", err)
	}
	if err := os.WriteFile(d.dir+"/none.json", []byte("{}"), 0o600); err != nil {
		return err
	}
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"+
		"[grpc]\n  address = %q\n[ttrpc]\n  address = %q\n",
		d.dir+"/c-root", d.dir+"/c-state", d.dir+"/c.sock", d.dir+"/c.sock.ttrpc")
	if err := os.WriteFile(d.dir+"/containerd.toml", []byte(config), 0o600); err != nil {
		return err
	}
	if d.containerd, err = d.spawn("containerd", "--config", d.dir+"/containerd.toml"); err != nil {
		return err
	}
	if err := waitFor(ctx, func() bool { return canDial(d.dir + "/c.sock") }); err != nil {
		return fmt.Errorf("waiting for containerd: %w: %s", err, d.log())
	}
	if _, err := d.launch(ctx); err != nil {
		return err
	}
	return command(ctx, d.cli("import", d.cfg.busybox, "busybox"))
}

// spawn starts a process of this engine inside of its namespaces.
func (d *dockerd) spawn(args ...string) (*exec.Cmd, error) {
	log, err := os.OpenFile(d.dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	home := strconv.Itoa(d.home.Process.Pid)
	cmd := exec.Command("nsenter", append([]string{"-t", home, "-n", "-m", "--"}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd, cmd.Start()
}

// launch starts the daemon and tells how long it took to serve.
func (d *dockerd) launch(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	var err error
	d.daemon, err = d.spawn("/usr/sbin/dockerd", "-H", "unix://"+d.socket(), "-H", "tcp://"+dockerdAddress, "--tls=false", "--data-root", d.dir+"/root", "--exec-root", d.dir+"/exec",
		"--pidfile", d.dir+"/pid", "--containerd", d.dir+"/c.sock", "--bip", "10.214.0.1/24", "--config-file", d.dir+"/none.json",
		"--storage-driver", "overlay2", "--cgroup-parent", "/"+d.cgroup)
	if err != nil {
		return 0, err
	}
	client := unixClient(d.socket())
	err = waitFor(ctx, func() bool {
		resp, err := client.Get("http://docker/_ping")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	if err != nil {
		return 0, fmt.Errorf("waiting for dockerd: %w: %s", err, d.log())
	}
	return time.Since(began), nil
}

func (d *dockerd) start(ctx context.Context) (time.Duration, error) {
	end(d.daemon)
	return d.launch(ctx)
}

// crash kills dockerd and nothing else: its containerd has the containers.
func (d *dockerd) crash(ctx context.Context) (time.Duration, error) {
	if err := d.daemon.Process.Kill(); err != nil {
		return 0, err
	}
	_ = d.daemon.Wait() // killed
	return d.launch(ctx)
}

func (d *dockerd) close() {
	if d.dir == "" {
		return
	}
	if d.daemon != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if ids, err := exec.CommandContext(ctx, d.cfg.official, "-H", "unix://"+d.socket(), "ps", "-aq").Output(); err == nil && len(ids) > 0 {
			// What cannot be removed dies with its containerd below.
			_ = command(ctx, d.cli(append([]string{"rm", "-f"}, strings.Fields(string(ids))...)...))
		}
	}
	end(d.daemon)
	end(d.containerd)
	for _, pid := range d.pids() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // a shim that outlived its container
	}
	end(d.home)
	// What the engine has left of its cgroups, deepest first.
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + d.cgroup)
	for _, group := range append(groups, "/sys/fs/cgroup/"+d.cgroup) {
		below, _ := filepath.Glob(group + "/*/") // BuildKit makes two levels
		deeper, _ := filepath.Glob(group + "/*/*/")
		for _, dir := range slices.Concat(deeper, below, []string{group}) {
			_ = syscall.Rmdir(dir) // its file system may not have this one
		}
	}
	if err := os.RemoveAll(d.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench: closing dockerd:", err)
	}
}

func (d *dockerd) socket() string { return d.dir + "/d.sock" }

// dockerdAddress is in its own network, where nobody else is.
const dockerdAddress = "127.0.0.1:2375"

// tcp is where it listens, and what gets a command there.
func (d *dockerd) tcp() (prefix []string, address string) {
	return []string{"nsenter", "-t", strconv.Itoa(d.home.Process.Pid), "-n", "--"}, dockerdAddress
}

func (d *dockerd) cli(args ...string) []string {
	return append([]string{d.cfg.official, "-H", "unix://" + d.socket()}, args...)
}

func (d *dockerd) run(ctx context.Context, network string) error {
	return command(ctx, d.cli(runArgs(network)...))
}

// pids are dockerd, containerd and the shims: what names our directory.
func (d *dockerd) pids() []int {
	var found []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		cmdline, err := os.ReadFile(dir + "/cmdline")
		if err == nil && pid != os.Getpid() && bytes.Contains(cmdline, []byte(d.dir)) && !bytes.HasPrefix(cmdline, []byte(d.cfg.official)) {
			found = append(found, pid)
		}
	}
	return found
}

func (d *dockerd) log() string {
	text, _ := os.ReadFile(d.dir + "/log")
	return string(text[max(0, len(text)-2000):])
}

// end stops a process of ours and waits for it, at most ten seconds.
func end(cmd *exec.Cmd) {
	if cmd == nil || cmd.Process == nil || cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	_ = cmd.Wait()
}

func waitFor(ctx context.Context, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

func canDial(path string) bool {
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
	}
	return err == nil
}
