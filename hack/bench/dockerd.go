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
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dockerd is the ancestor with its containerd, each with private directories
// and, to leave no rule behind, in a network namespace of their own. Everything
// it mounts is below dir.
type dockerd struct {
	cfg        *config
	dir        string
	namespace  string
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
	d.namespace = filepath.Base(d.dir)
	if err := command(ctx, []string{"ip", "netns", "add", d.namespace}); err != nil {
		return err
	}
	if err := command(ctx, []string{"ip", "-n", d.namespace, "link", "set", "lo", "up"}); err != nil {
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

// spawn starts a process of this engine inside of its namespace.
func (d *dockerd) spawn(args ...string) (*exec.Cmd, error) {
	log, err := os.OpenFile(d.dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// `ip netns exec` makes a mount namespace, too, and then is the program.
	cmd := exec.Command("ip", append([]string{"netns", "exec", d.namespace}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd, cmd.Start()
}

// launch starts the daemon and tells how long it took to serve.
func (d *dockerd) launch(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	var err error
	d.daemon, err = d.spawn("/usr/sbin/dockerd", "-H", "unix://"+d.socket(), "--data-root", d.dir+"/root", "--exec-root", d.dir+"/exec",
		"--pidfile", d.dir+"/pid", "--containerd", d.dir+"/c.sock", "--bip", "10.214.0.1/24", "--config-file", d.dir+"/none.json",
		"--storage-driver", "overlay2", "--cgroup-parent", "/"+d.namespace)
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
	for _, target := range mountsBelow(d.dir) {
		_ = syscall.Unmount(target, syscall.MNT_DETACH)
	}
	_ = command(context.Background(), []string{"ip", "netns", "del", d.namespace})
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + d.namespace)
	for _, group := range append(groups, "/sys/fs/cgroup/"+d.namespace) {
		_ = os.Remove(group)
	}
	if err := os.RemoveAll(d.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench: closing dockerd:", err)
	}
}

func (d *dockerd) socket() string { return d.dir + "/d.sock" }

func (d *dockerd) cli(args ...string) []string {
	return append([]string{d.cfg.official, "-H", "unix://" + d.socket()}, args...)
}

func (d *dockerd) run(ctx context.Context, network bool) error {
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

func mountsBelow(dir string) []string {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	var found []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			found = append([]string{fields[4]}, found...) // the latest first
		}
	}
	return found
}
