package daemon

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/runconfig"
)

// faults counts the steps that the daemon takes outside of itself and fails one.
type faults struct {
	mu    sync.Mutex // guards everything below
	armed bool
	left  int    // steps until the one that fails
	hit   string // the step that has failed
}

// step is called before every step.
func (f *faults) step(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed || f.hit != "" {
		return nil
	}
	if f.left > 0 {
		f.left--
		return nil
	}
	f.hit = name
	return errdefs.Internal("injected: %s fails", name)
}

// fail makes step number n from now fail.
func (f *faults) fail(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.left, f.hit = true, n, ""
}

// disarm ends that and tells which step has failed; "" when there were fewer.
func (f *faults) disarm() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = false
	return f.hit
}

type faultyImages struct {
	imageStore
	*faults
}

func (i faultyImages) CreateLayer(id string, img *image.Image) error {
	if err := i.step("layer"); err != nil {
		return err
	}
	return i.imageStore.CreateLayer(id, img)
}

func (i faultyImages) RemoveLayer(id string) error {
	if err := i.step("remove layer"); err != nil {
		return err
	}
	return i.imageStore.RemoveLayer(id)
}

func (i faultyImages) Mounts(id string) ([]mount.Mount, error) {
	if err := i.step("mounts"); err != nil {
		return nil, err
	}
	return i.imageStore.Mounts(id)
}

type faultyNames struct {
	nameStore
	*faults
}

func (n faultyNames) Create(name, id string, publish func() error) error {
	if err := n.step("name"); err != nil {
		return err
	}
	return n.nameStore.Create(name, id, func() error {
		if err := publish(); err != nil {
			return err
		}
		return nil
	})
}

func (n faultyNames) Purge(id string) error {
	if err := n.step("purge name"); err != nil {
		return err
	}
	return n.nameStore.Purge(id)
}

type faultyExec struct {
	execdriver.Driver
	*faults
}

func (e faultyExec) Start(ctx context.Context, cmd *execdriver.Command, out execdriver.Output) (execdriver.State, error) {
	if err := e.step("launch"); err != nil {
		closeOutputs(out)
		return execdriver.State{}, err
	}
	return e.Driver.Start(ctx, cmd, out)
}

func closeOutputs(out execdriver.Output) {
	if out.Stdout != nil {
		_ = out.Stdout.Close() // nothing was written to it
	}
	if out.Stderr != nil {
		_ = out.Stderr.Close() // the same
	}
}

func (e faultyExec) Signal(ctx context.Context, id string, sig int) error {
	if err := e.step("signal"); err != nil {
		return err
	}
	return e.Driver.Signal(ctx, id, sig)
}

func (e faultyExec) Remove(ctx context.Context, id string) error {
	if err := e.step("forget"); err != nil {
		return err
	}
	return e.Driver.Remove(ctx, id)
}

// faulty makes a fixture every step of which can fail, jobs of others included.
func faulty(t *testing.T) (*fixture, *faults) {
	fl := &faults{}
	f := setup(t, func(opt *Options) {
		opt.Images, opt.Names, opt.Exec = faultyImages{opt.Images, fl}, faultyNames{opt.Names, fl}, faultyExec{opt.Exec, fl}
	})
	own := map[string]bool{}
	for _, decl := range f.declarations() {
		own[decl.Name] = true
	}
	f.eng.Use(func(next engine.Handler) engine.Handler {
		return func(job *engine.Job) error {
			if !own[job.Name] && !strings.HasPrefix(job.Name, "release_") {
				if err := fl.step("job " + job.Name); err != nil {
					return err
				}
			}
			return next(job)
		}
	})
	return f, fl
}

// TestEveryStepFailsOnce lets the first step fail of a create, a start and a
// removal, then the second, and so on: each time the next try works, and nothing
// is left in the end.
func TestEveryStepFailsOnce(t *testing.T) {
	f, fl := faulty(t)
	try := func(op string, n int, do func() error) (hit string) {
		fl.fail(n)
		err := do()
		if hit = fl.disarm(); hit == "" || hit == "job log" {
			if err != nil {
				t.Errorf("%s: step %d (%q): %v", op, n, hit, err)
			}
			return hit
		}
		t.Logf("%s: step %d, %s: %v", op, n, hit, err)
		if err != nil {
			if err := do(); err != nil {
				t.Errorf("%s: the next try after a fault in %s: %v", op, hit, err)
			}
		}
		return hit
	}
	options := func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.PortBindings = runconfig.PortMap{"80/tcp": {{HostIp: "127.0.0.1"}}}
	}
	for _, op := range []string{"create", "start", "kill", "rm"} {
		for n := 0; ; n++ {
			name := fmt.Sprintf("%s%d", op, n)
			hit := "x"
			for _, now := range []string{"create", "start", "kill", "rm"} {
				do := func() error { return f.eng.Job(now, name).Run() }
				switch now {
				case "create":
					do = func() error { _, err := f.tryCreate(name, "sleep 60", options); return err }
				case "rm":
					do = func() error { return env(f.eng.Job("rm", name), "removeVolume", "1", "forceRemove", "1").Run() }
				}
				if now == op {
					hit = try(op, n, do)
				} else if err := do(); err != nil {
					t.Errorf("%s of %s: %v", now, name, err)
				}
			}
			eventually(t, "rest", func() bool { return f.net.idle() })
			if hit == "" || t.Failed() {
				break
			}
		}
		f.empty()
	}
}
