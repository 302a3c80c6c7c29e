package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// ours is the engine of this checkout.
type ours struct {
	cfg *config
	d   *daemonproc.Daemon
}

func newOurs(cfg *config) engine { return &ours{cfg: cfg} }

func (*ours) name() string { return "ours" }

func (o *ours) open(context.Context) error {
	if err := os.Setenv("ENGINEJOBS_BIN", filepath.Dir(o.cfg.docker)); err != nil {
		return err
	}
	d, err := daemonproc.New(daemonproc.Options{Quiet: true, TCP: true})
	if err != nil {
		return err
	}
	o.d = d
	if err := d.Start(); err != nil {
		return err
	}
	return d.ImportBusybox()
}

func (o *ours) close() {
	if o.d == nil {
		return
	}
	if err := o.d.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: closing ours:", err)
	}
}

func (o *ours) start(context.Context) (time.Duration, error) {
	if _, err := o.d.Stop(); err != nil {
		return 0, err
	}
	began := time.Now()
	err := o.d.Start()
	return time.Since(began), err
}

func (o *ours) cli(args ...string) []string {
	return append([]string{o.d.Bin, "-H", o.d.Host}, args...)
}

func (o *ours) run(ctx context.Context, network string) error {
	return command(ctx, o.cli(runArgs(network)...))
}

func (o *ours) crash(context.Context) (time.Duration, error) {
	if err := o.d.Kill9(); err != nil {
		return 0, err
	}
	began := time.Now()
	err := o.d.Start()
	return time.Since(began), err
}

func (o *ours) socket() string { return o.d.Socket() }

// tcp is where it listens for those who know no unix sockets.
func (o *ours) tcp() (prefix []string, address string) { return nil, o.d.Addr }

func (o *ours) pids() []int { return o.d.OwnProcesses() }

func runArgs(network string) []string {
	args := []string{"run", "--rm"}
	switch network {
	case "none":
		args = append(args, "--net", "none")
	case "port":
		args = append(args, "-p", "127.0.0.1::80")
	}
	return append(args, "busybox", "true")
}

// command runs a command and tells what it said when it fails.
func command(ctx context.Context, args []string) error {
	if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", args, err, out)
	}
	return nil
}
