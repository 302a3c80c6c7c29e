package daemon

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/metrics"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/runconfig"
	"github.com/enginejobs/docker/volumes"
)

// Daemon is the containers of one root directory.
type Daemon struct {
	opt        Options
	root       string // <root>/containers
	rootSync   dirSync
	ledger     *ledger
	spares     spares
	containers store
	volumes    *volumes.Store
	execInfo   execdriver.Info
	host       hostFacts
	ulimits    []runconfig.Ulimit // defaults
	appArmor   appArmor

	ctx      context.Context // ends with Close: the life of everything in the background
	cancel   context.CancelFunc
	closing  atomic.Bool                     // no automatic restarts any more
	jobs     atomic.Pointer[context.Context] // what jobs in the background run with
	restored chan struct{}                   // closed when the containers are known

	phases     [startPhases]metrics.Histogram // of starts
	executions executions                     // further processes in containers
	samplers   samplers                       // of the containers whose statistics are watched
	lists      sync.Pool                      // *[]byte: texts of lists of containers
	plain      sync.Map                       // api.Network of host and none, by name: they never change

	mu     sync.Mutex // guards closed and the counting of wg
	closed bool
	wg     sync.WaitGroup
}

// New makes a daemon. It reads no container yet: that is Restore.
func New(opt Options) (*Daemon, error) {
	if opt.Root == "" || opt.Engine == nil || opt.Images == nil || opt.Exec == nil || opt.Names == nil {
		return nil, errdefs.InvalidArgument("a daemon needs a root, an engine, images, an exec driver and names")
	}
	setDefaults(&opt)
	d := &Daemon{
		opt: opt, root: filepath.Join(opt.Root, "containers"), execInfo: opt.Exec.Info(), host: readHost(),
		rootSync: dirSync{dir: filepath.Join(opt.Root, "containers")}, restored: make(chan struct{}), appArmor: hostAppArmor(opt.SysDir),
	}
	if err := opt.Defaults.check(); err != nil {
		return nil, err
	}
	if !validParent(opt.CgroupRoot) {
		return nil, errdefs.InvalidArgument("invalid cgroup parent %q: name a group below the root, without ..", opt.CgroupRoot)
	}
	for _, text := range opt.Ulimits {
		u, err := parseUlimit(text)
		if err != nil {
			return nil, err
		}
		d.ulimits = append(d.ulimits, u)
	}
	if _, err := logdriver.Parse(opt.LogDriver, opt.LogOpts); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(d.root, 0o700); err != nil {
		return nil, fmt.Errorf("making the container directory: %w", err)
	}
	var err error
	if d.volumes, err = volumes.New(filepath.Join(opt.Root, "volumes")); err != nil {
		return nil, err
	}
	d.spares.dir = filepath.Join(opt.Root, spareDir)
	if d.ledger, err = openLedger(d); err != nil {
		return nil, err
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	bg := opt.Engine.Permit(d.ctx)
	d.jobs.Store(&bg)
	opt.Exec.OnExit(d.exited)
	opt.Exec.OnOOM(d.ranOut)
	return d, nil
}

func setDefaults(opt *Options) {
	if opt.LogDriver == "" {
		opt.LogDriver = logdriver.JSONFile
	}
	if opt.Registries == nil {
		opt.Registries = &api.RegistryConfig{
			InsecureRegistryCIDRs: []string{}, Mirrors: []string{}, IndexConfigs: map[string]api.IndexInfo{},
		}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logf == nil {
		opt.Logf = func(string, ...any) {}
	}
	if opt.Rand == nil {
		opt.Rand = rand.Reader
	}
	if opt.ID == "" {
		opt.ID = opt.Engine.ID()
	}
	if opt.Name == "" {
		opt.Name, _ = os.Hostname()
	}
	if opt.HostsFile == "" {
		opt.HostsFile = "/etc/hosts"
	}
	if opt.ProcDir == "" {
		opt.ProcDir = "/proc"
	}
	if opt.SysDir == "" {
		opt.SysDir = "/sys"
	}
	if opt.StopTimeout == 0 {
		opt.StopTimeout = defaultStop
	}
}

// job makes a job whose parent, if ctx has one, is the caller's.
func (d *Daemon) job(ctx context.Context, name string, args ...string) *engine.Job {
	return d.opt.Engine.Job(name, args...).SetContext(ctx)
}

// background is the context for jobs that no caller waits for.
func (d *Daemon) background() context.Context { return *d.jobs.Load() }

// enter counts work in the background; it is refused once the daemon closes.
func (d *Daemon) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.wg.Add(1)
	return true
}

func (d *Daemon) leave() { d.wg.Done() }

// track runs f in the background; Close waits for it. What begins after Close
// (the pumps of a start that was just under way) ends with its streams.
func (d *Daemon) track(f func()) {
	if !d.enter() {
		go f()
		return
	}
	go func() {
		defer d.leave()
		f()
	}()
}

// event tells the journal what happened to a container. Attributes are those of
// the container and the given ones. Where there is no journal, nobody is told.
func (d *Daemon) event(ctx context.Context, s *snapshot, action string, more map[string]string) {
	if !d.opt.Engine.Has("log") {
		return
	}
	attrs := make(map[string]string, len(s.rec.Config.Labels)+len(more)+2)
	for k, v := range s.rec.Config.Labels {
		attrs[k] = v
	}
	attrs["image"], attrs["name"] = s.rec.Config.Image, s.bare()
	for k, v := range more {
		attrs[k] = v
	}
	job := d.job(context.WithoutCancel(ctx), "log", action, s.rec.ID, s.rec.Config.Image)
	job.Setenv("type", "container")
	if err := job.SetenvJson("attributes", attrs); err != nil {
		d.opt.Logf("recording the event %s: %v", action, err)
		return
	}
	if err := job.Run(); err != nil {
		d.opt.Logf("recording the event %s of container %s: %v", action, short(s.rec.ID), err)
	}
}
