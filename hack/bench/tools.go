package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// runc is the reference for starting a process in a container and nothing
// else: no image, no network, no log.
type runc struct {
	cfg *config
	dir string
	n   int
}

func newRunc(cfg *config) engine {
	if _, err := exec.LookPath("runc"); err != nil {
		return nil
	}
	return &runc{cfg: cfg}
}

func (*runc) name() string { return "runc" }

func (r *runc) open(ctx context.Context) error {
	var err error
	if r.dir, err = os.MkdirTemp("", "ejt-runc-"); err != nil {
		return err
	}
	if err := os.Mkdir(r.dir+"/rootfs", 0o755); err != nil {
		return err
	}
	if err := command(ctx, []string{"tar", "-C", r.dir + "/rootfs", "-xf", r.cfg.busybox}); err != nil {
		return err
	}
	spec := exec.CommandContext(ctx, "runc", "spec")
	spec.Dir = r.dir
	if out, err := spec.CombinedOutput(); err != nil {
		return fmt.Errorf("runc spec: %w: %s", err, out)
	}
	text, err := os.ReadFile(r.dir + "/config.json")
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return err
	}
	process, ok := config["process"].(map[string]any)
	if !ok {
		return errors.New("runc spec makes no process")
	}
	process["terminal"], process["args"] = false, []string{"true"}
	if text, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(r.dir+"/config.json", text, 0o600)
}

func (r *runc) close() { _ = os.RemoveAll(r.dir) }

func (*runc) crash(context.Context) (time.Duration, error) { return -1, nil }

func (r *runc) start(context.Context) (time.Duration, error) { return -1, nil }

func (r *runc) run(ctx context.Context, _ string) error {
	r.n++
	return command(ctx, []string{"runc", "--root", r.dir + "/state", "run", "--bundle", r.dir, fmt.Sprintf("b%d", r.n)})
}

func (*runc) socket() string         { return "" }
func (*runc) cli(...string) []string { return nil }
func (*runc) pids() []int            { return nil }

// podman has no daemon: its client does the work.
type podman struct {
	cfg     *config
	dir     string
	bridged bool // its bridge was there before
	locked  bool // its locks were
}

// podmanBridge is what it leaves on a host whose containers had a network.
const podmanBridge = "cni-podman0"

// podmanLocks is the shared memory of its locks, which it leaves as well.
const podmanLocks = "/dev/shm/libpod_lock"

func newPodman(cfg *config) engine {
	if _, err := exec.LookPath("podman"); err != nil {
		return nil
	}
	return &podman{cfg: cfg}
}

func (*podman) name() string { return "podman" }

func (p *podman) open(ctx context.Context) error {
	var err error
	if p.dir, err = os.MkdirTemp("", "ejt-podman-"); err != nil {
		return err
	}
	_, err = net.InterfaceByName(podmanBridge)
	p.bridged = err == nil
	_, err = os.Stat(podmanLocks)
	p.locked = err == nil
	return command(ctx, p.cli("import", p.cfg.busybox, "busybox"))
}

func (p *podman) close() {
	if _, err := net.InterfaceByName(podmanBridge); err == nil && !p.bridged {
		_ = command(context.Background(), []string{"ip", "link", "del", podmanBridge})
	}
	_ = command(context.Background(), p.cli("system", "reset", "--force"))
	for _, target := range mountsBelow(p.dir) {
		_ = command(context.Background(), []string{"umount", "-l", target})
	}
	if !p.locked {
		_ = os.Remove(podmanLocks)
	}
	_ = os.RemoveAll(p.dir)
}

func (*podman) crash(context.Context) (time.Duration, error) { return -1, nil }

func (p *podman) start(context.Context) (time.Duration, error) { return -1, nil }

// run gives the limits that podman would raise where it may not: a machine that
// withholds CAP_SYS_RESOURCE.
func (p *podman) run(ctx context.Context, network string) error {
	args := runArgs(network)
	limits := []string{args[0], "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"}
	return command(ctx, p.cli(append(limits, args[1:]...)...))
}

func (*podman) socket() string { return "" }

func (p *podman) cli(args ...string) []string {
	return append([]string{"podman", "--root", filepath.Join(p.dir, "root"), "--runroot", filepath.Join(p.dir, "run"), "--tmpdir", filepath.Join(p.dir, "tmp")}, args...)
}

func (*podman) pids() []int { return nil }

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
