package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// benchRegistries pushes and pulls a large image to and from an empty registry of
// Debian's beside each engine, and again when nothing has changed.
func benchRegistries(ctx context.Context, b *board) error {
	if _, err := exec.LookPath("docker-registry"); err != nil {
		return errors.New("docker-registry is not installed; hack/make.sh deps test does it")
	}
	dir, err := os.MkdirTemp("", "ejt-registries-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a, err := makeBigArchive(dir)
	if err != nil {
		return fmt.Errorf("making the archive: %w", err)
	}
	took := map[string]map[string][]float64{"push": {}, "push again": {}, "pull": {}, "pull again": {}}
	for round := range min(b.cfg.rounds, bigRounds) {
		for i, e := range b.engines {
			cli := oneClient(b, e)
			if cli == nil || e.socket() == "" {
				continue // podman has no daemon whose work could be told from its client's
			}
			r := benchRegistry{dir: filepath.Join(dir, fmt.Sprint(round, e.name())), port: 5600 + 10*round + i}
			if err := r.life(ctx, a, e, cli, took); err != nil {
				return fmt.Errorf("%s: %w", e.name(), err)
			}
		}
	}
	for _, row := range []row{
		{name: "push of 540 MB, 5 layers", unit: "s", goal: target{times: 2}, values: took["push"]},
		{name: "pull of the same", unit: "s", goal: target{times: 2}, values: took["pull"]},
		{name: "push of what is there", unit: "ms", goal: target{most: 20}, values: took["push again"]},
		{name: "pull of what is there", unit: "ms", goal: target{most: 20}, values: took["pull again"]},
	} {
		b.print(row)
	}
	return b.greatestMemory("greatest memory of daemons so far")
}

// greatestMemory is the most that the processes of an engine have ever held.
func (b *board) greatestMemory(name string) error {
	r := row{name: name, unit: "MB", goal: target{most: 100}, values: map[string][]float64{}}
	for _, e := range b.engines {
		var sum float64
		for _, pid := range e.pids() {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(text)) {
				var kib float64
				if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kib); n == 1 {
					sum += kib / 1000 * 1.024
				}
			}
		}
		if sum > 0 {
			r.values[e.name()] = []float64{sum}
		}
	}
	b.print(r)
	return nil
}

// benchRegistry is a registry where an engine reaches it.
type benchRegistry struct {
	dir  string
	port int
}

// life sends the image away and gets it back.
func (r benchRegistry) life(ctx context.Context, a *bigArchive, e engine, cli func(args ...string) []string, took map[string]map[string][]float64) error {
	inside := func(args ...string) []string { return args }
	if d, ok := e.(*dockerd); ok {
		inside = func(args ...string) []string {
			return append([]string{"nsenter", "-t", strconv.Itoa(d.home.Process.Pid), "-n", "--"}, args...)
		}
	}
	stop, err := r.start(ctx, inside)
	if err != nil {
		return err
	}
	defer stop()
	name := fmt.Sprintf("127.0.0.1:%d/big:1", r.port)
	for _, step := range []struct {
		what string
		ms   bool
		args []string
	}{
		{"", false, []string{"load", "-q", "-i", a.load}},
		{"", false, []string{"tag", bigName, name}},
		{"push", false, []string{"push", "-q", name}},
		{"push again", true, []string{"push", "-q", name}},
		{"", false, []string{"rmi", bigName, name}},
		{"pull", false, []string{"pull", "-q", name}},
		{"pull again", true, []string{"pull", "-q", name}},
		{"", false, []string{"rmi", name}},
	} {
		client := cli
		if step.ms { // the start of a client counts as much as the work
			client = e.cli
		}
		ms, err := timed(func() error { return quietly(ctx, client(step.args...)) })
		switch {
		case err != nil:
			return err
		case step.what == "":
		case step.ms:
			took[step.what][e.name()] = append(took[step.what][e.name()], ms)
		default:
			took[step.what][e.name()] = append(took[step.what][e.name()], ms/1000)
		}
	}
	return nil
}

// start starts the registry; stop ends it.
func (r benchRegistry) start(ctx context.Context, inside func(args ...string) []string) (stop func(), err error) {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, err
	}
	conf := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"+
		"storage:\n  filesystem: {rootdirectory: %q}\nhttp:\n  addr: 127.0.0.1:%d\n", r.dir+"/data", r.port)
	file := filepath.Join(r.dir, "config.yml")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		return nil, err
	}
	args := inside("docker-registry", "serve", file)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() { end(cmd) }
	ask := inside("bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%d", r.port))
	err = waitFor(ctx, func() bool { return exec.CommandContext(ctx, ask[0], ask[1:]...).Run() == nil })
	if err != nil {
		stop()
		return nil, fmt.Errorf("waiting for docker-registry: %w: %s", err, said.String())
	}
	return stop, nil
}
