// Package fake is an execution driver whose containers are goroutines. It needs
// no privilege and no kernel feature, keeps every promise of the contract that
// can be kept without a process, and passes the same suite as the real drivers,
// so tests of everything above it are honest.
//
// It owns a World: the containers, which outlive a Driver as real ones outlive
// the daemon. Close a Driver, make another one in the same World, and Restore
// finds what still runs and what ended meanwhile. Start reading at Driver. No
// code that is not a test may import it.
//
// A workload, of a container or of an exec, is a script; script.go has the words
// that it may use.
package fake

import (
	"context"
	"os"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// Options shape a Driver. The zero value is a driver that never fails.
type Options struct {
	// FailStart is asked before each start; an error becomes the start's error.
	FailStart func(*execdriver.Command) error
	// FailExec is the same for Exec.
	FailExec func(*execdriver.ExecCommand) error
	// Delay is how long a start takes, of a container or of an exec.
	Delay time.Duration
}

// Driver runs scripted containers. Make one with New or World.Driver.
type Driver struct {
	world *World
	opts  Options
}

var _ execdriver.Driver = (*Driver)(nil)

// New makes a driver in a world of its own.
func New(opts Options) *Driver { return NewWorld().Driver(opts) }

// Name implements execdriver.Driver.
func (d *Driver) Name() string { return "fake-1.0" }

// Start implements execdriver.Driver.
func (d *Driver) Start(ctx context.Context, cmd *execdriver.Command, out execdriver.Output) (execdriver.State, error) {
	fail := func(err error) (execdriver.State, error) {
		closeOutput(out)
		return execdriver.State{}, err
	}
	if err := d.delay(ctx); err != nil {
		return fail(err)
	}
	if d.opts.FailStart != nil {
		if err := d.opts.FailStart(cmd); err != nil {
			return fail(err)
		}
	}
	run, err := parseScript(cmd.Process.Args)
	if err != nil {
		return fail(err)
	}
	p, err := d.world.add(cmd)
	if err != nil {
		return fail(err)
	}
	p.attach(out)
	state := p.state()
	d.world.run(p, run)
	return state, nil
}

func (d *Driver) delay(ctx context.Context) error {
	if d.opts.Delay > 0 {
		select {
		case <-time.After(d.opts.Delay):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// Attach implements execdriver.Driver.
func (d *Driver) Attach(_ context.Context, id string, out execdriver.Output) error {
	p, err := d.world.container(id)
	if err != nil {
		closeOutput(out)
		return err
	}
	p.attach(out)
	return nil
}

// Stdin implements execdriver.Driver.
func (d *Driver) Stdin(_ context.Context, id string) (*os.File, error) {
	p, err := d.world.live(id)
	if err != nil {
		return nil, err
	}
	return p.openStdin()
}

// CloseStdin implements execdriver.Driver.
func (d *Driver) CloseStdin(_ context.Context, id string) error {
	p, err := d.world.live(id)
	if err != nil {
		return err
	}
	p.closeStdin()
	return nil
}

// Resize implements execdriver.Driver. The size can be read with Size.
func (d *Driver) Resize(_ context.Context, id string, height, width uint16) error {
	p, err := d.world.live(id)
	if err != nil {
		return err
	}
	if !p.tty {
		return errdefs.Conflict("container %s has no terminal", id)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.height, p.width = height, width
	return nil
}

// Size returns what Resize, or the command, set last.
func (d *Driver) Size(id string) (height, width uint16) {
	p, err := d.world.find(id)
	if err != nil {
		return 0, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.height, p.width
}

// Signal implements execdriver.Driver.
func (d *Driver) Signal(_ context.Context, id string, sig int) error {
	p, err := d.world.live(id)
	if err != nil {
		return err
	}
	p.signal(sig)
	return nil
}

// Pause implements execdriver.Driver.
func (d *Driver) Pause(_ context.Context, id string) error {
	p, err := d.world.container(id)
	if err == nil {
		d.world.each(p, (*process).freeze)
	}
	return err
}

// Unpause implements execdriver.Driver.
func (d *Driver) Unpause(_ context.Context, id string) error {
	p, err := d.world.container(id)
	if err == nil {
		d.world.each(p, (*process).thaw)
	}
	return err
}

// Pids implements execdriver.Driver. The numbers belong to no process.
func (d *Driver) Pids(_ context.Context, id string) ([]int, error) {
	p, err := d.world.container(id)
	if err != nil {
		return nil, err
	}
	var pids []int
	d.world.each(p, func(p *process) { pids = append(pids, p.pid) })
	return pids, nil
}

// OnExit implements execdriver.Driver.
func (d *Driver) OnExit(f func(execdriver.Exit)) { d.world.listen(d, f) }

// Restore implements execdriver.Driver.
func (d *Driver) Restore(context.Context) ([]execdriver.State, error) { return d.world.states(), nil }

// Remove implements execdriver.Driver.
func (d *Driver) Remove(_ context.Context, id string) error { return d.world.remove(id) }

// RootPath implements execdriver.Driver: the source of the root's mount.
func (d *Driver) RootPath(id string) (string, error) {
	p, err := d.world.container(id)
	if err != nil {
		return "", err
	}
	if p.root == "" {
		return "", errdefs.NotImplemented("the root of container %s is not a directory of the host", id)
	}
	return p.root, nil
}

// Info implements execdriver.Driver.
func (d *Driver) Info() execdriver.Info {
	return execdriver.Info{
		CgroupVersion: "2", CgroupDriver: "cgroupfs", MemoryLimit: true, SwapLimit: true, PidsLimit: true,
		CPUShares: true, CPUQuota: true, CPUSet: true, OOMControl: true, Seccomp: true,
		CPURealtime: true, BlkioWeight: true, BlkioThrottle: true,
	}
}

// Close implements execdriver.Driver. The containers go on in the World.
func (d *Driver) Close() error {
	d.world.unlisten(d)
	return nil
}

func closeOutput(out execdriver.Output) {
	for _, f := range []*os.File{out.Stdout, out.Stderr} {
		if f != nil {
			f.Close()
		}
	}
}
