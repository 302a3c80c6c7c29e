// Package native is the execution driver that needs nothing but the kernel. It is
// the daemon's half of two: it turns a Command into orders in numbers (see
// initproto), has them carried out by the exec engine, a process of its own that
// outlives the daemon, and keeps duplicates of every descriptor that a container
// needs, so that it can raise a new exec engine when the old one was killed.
//
// The two are connected by a socket in the file system and not by the pair of
// spawn.Start, also at first: the exec engine is no child in the sense of spawn,
// which ends with its parent, but waits for the next daemon, and that one has to
// find it. A pair for the first connection would be a second way to do the same
// and win nothing: the socket listens before the process exists, so to connect
// costs some ten microseconds of the milliseconds that it takes to start.
//
// It owns the exec engine, its directory, and those duplicates. Start reading at
// New, then start_linux.go and supervise_linux.go. Nothing but package server
// imports it.
package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/execproto"
	"github.com/enginejobs/docker/pkg/cgroups"
	"github.com/enginejobs/docker/pkg/seccomp"
)

var _ execdriver.Driver = (*Driver)(nil)

const version = "native-1.0"

// Options configure a driver.
type Options struct {
	Root     string // directory for sockets, records and logs; made when missing
	StateDir string // where to keep them instead, when it is not below Root

	// Dockerinit is the program that runs as exec engine and as init. When it is
	// empty, DockerinitPath is read; when that is empty too, the file dockerinit
	// beside the running program.
	Dockerinit     []byte
	DockerinitPath string

	CgroupParent string                           // default for commands that name none; "" means "docker"
	Timings      func(id string, p []Phase)       // receives the phases of each start, those of the init too; nil: those are not measured
	Logf         func(format string, args ...any) // nil: nothing is logged
}

// Phase is one measured part of a start and when it ended.
type Phase = execproto.Phase

// Driver is the native driver. Make one with New.
type Driver struct {
	opt     Options
	dir     string
	logf    func(string, ...any)
	layout  *cgroups.Layout
	binary  *os.File // sealed copy of dockerinit
	eng     *engine.Engine
	caps    uint64 // what this host can give
	filters seccomp.Cache
	ooms    *cgroups.OOMWatch

	// leaving ends when Close begins: no exec engine is raised any more, and the
	// one that is there is told to quit.
	leaving context.Context
	leave   context.CancelFunc
	left    chan struct{} // closed when the supervisor is done

	ctx  context.Context // ends when Close has parted from the exec engine
	stop context.CancelFunc
	over sync.WaitGroup // what waits for ends of containers

	orphans sync.Once // begins to look for them

	// life is the reading end of a pipe of which we have the other one too: who
	// gets a duplicate of the first sees the end of this process, or of Close.
	life, living *os.File

	mu    sync.Mutex // guards everything below; never held across I/O
	link  *link
	held  map[string]*held
	execs map[string]*execution
	// engines are the exec engines that we have raised, at most a few.
	engines []int
	onExit  func(execdriver.Exit)
	onOOM   func(id string)
}

// link is the current connection to the exec engine, or the wait for one.
type link struct {
	ready chan struct{} // closed when conn can be used
	conn  *wire.Conn
}

// New makes a driver and raises its exec engine, or finds the one that an
// earlier daemon has left. It does not wait for it.
func New(opt Options) (*Driver, error) {
	d := &Driver{
		opt: opt, dir: opt.StateDir, logf: opt.Logf,
		held: map[string]*held{}, execs: map[string]*execution{}, link: newLink(),
	}
	if d.dir == "" {
		d.dir = opt.Root
	}
	if d.dir == "" {
		return nil, errdefs.InvalidArgument("the native driver needs a directory")
	}
	if d.logf == nil {
		d.logf = func(string, ...any) {}
	}
	if d.opt.CgroupParent == "" {
		d.opt.CgroupParent = "docker"
	}
	var err error
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return nil, err
	}
	for _, dir := range []string{d.dir, d.path("records"), d.path("scratch")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the native driver's directory: %w", err)
		}
	}
	if d.layout, err = cgroups.Detect(); err != nil {
		return nil, fmt.Errorf("reading cgroups of the host: %w", err)
	}
	if d.caps, err = hostCapabilities(); err != nil {
		return nil, fmt.Errorf("reading capabilities of the daemon: %w", err)
	}
	if d.binary, err = sealedBinary(&d.opt, d.dir); err != nil {
		return nil, err
	}
	if d.life, d.living, err = os.Pipe(); err != nil {
		_ = d.binary.Close() // only read
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	// Containers of a killed exec engine become our children, so that their exit
	// code can be collected also where the kernel does not keep it.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		closeAll([]*os.File{d.binary, d.life, d.living})
		return nil, fmt.Errorf("becoming subreaper: %w", err)
	}
	if d.ooms, err = cgroups.NewOOMWatch(d.oom); err != nil {
		closeAll([]*os.File{d.binary, d.life, d.living})
		return nil, fmt.Errorf("watching for lack of memory: %w", err)
	}
	d.eng = engine.New()
	d.eng.RegisterCatchall(d.forward)
	d.ctx, d.stop = context.WithCancel(context.Background())
	d.leaving, d.leave = context.WithCancel(d.ctx)
	d.left = make(chan struct{})
	go d.supervise()
	return d, nil
}

func (d *Driver) path(name string) string { return filepath.Join(d.dir, name) }

// Name gives the name and version.
func (d *Driver) Name() string { return version }

// Close lets go of the driver. The exec engine ends when nothing runs, also when
// it was about to come up; else it waits for the next daemon.
func (d *Driver) Close() error {
	d.leave()
	giveUp := time.AfterFunc(patience, d.stop)
	<-d.left
	giveUp.Stop()
	d.stop()
	d.mu.Lock()
	all, execs := d.held, d.execs
	d.held, d.execs = map[string]*held{}, map[string]*execution{}
	d.mu.Unlock()
	for _, x := range execs {
		x.close()
	}
	d.over.Wait()
	closeAll([]*os.File{d.life, d.living})
	if err := d.ooms.Close(); err != nil {
		d.logf("closing the watch for lack of memory: %v", err)
	}
	for _, h := range all {
		h.close()
	}
	return errors.Join(d.eng.Shutdown(context.Background()), d.binary.Close())
}

func newLink() *link { return &link{ready: make(chan struct{})} }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// job makes a job of the exec engine.
func (d *Driver) job(ctx context.Context, name string, args ...string) *engine.Job {
	return d.eng.Job(name, args...).SetContext(ctx)
}

// patience is how long a job, or Close, waits for an exec engine.
const patience = 15 * time.Second

// retries is how often a job that can be repeated is sent again when the exec
// engine was killed under it.
const retries = 5

// repeat runs a job that does no harm when it runs twice.
func (d *Driver) repeat(ctx context.Context, run func(*engine.Job) error, name string, args ...string) error {
	for i := 0; ; i++ {
		err := run(d.job(ctx, name, args...))
		if i == retries || !errdefs.Is(err, errdefs.KindUnavailable) || d.ctx.Err() != nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Duration(i+1) * 10 * time.Millisecond)
	}
}

// forward carries a job to the exec engine, when there is one.
func (d *Driver) forward(job *engine.Job) error {
	d.mu.Lock()
	l := d.link
	d.mu.Unlock()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-l.ready:
		if job.Name == execproto.JobLaunch {
			d.launching(job.Args[0])
		}
		return l.conn.Handle(job)
	case <-timeout.C:
		closeAll(job.Files)
		return errdefs.Unavailable("the exec engine does not come up; see the daemon's log and %s", d.path("engine.log"))
	case <-job.Context().Done():
		closeAll(job.Files)
		return job.Context().Err()
	case <-d.ctx.Done():
		closeAll(job.Files)
		return errdefs.Unavailable("the native driver is closed")
	}
}

// launching notes that an exec engine is about to be told of a start.
func (d *Driver) launching(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.held[id]; h != nil {
		h.launched = true
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close() // nothing was written to it
		}
	}
}

// Info tells what the host can do.
func (d *Driver) Info() execdriver.Info {
	v := "1"
	if d.layout.V2 {
		v = "2"
	}
	_, noSeccomp := os.Stat("/proc/sys/kernel/seccomp/actions_avail")
	enabled, _ := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return execdriver.Info{
		CgroupVersion: v, CgroupDriver: "cgroupfs",
		MemoryLimit: d.layout.Has("memory"),
		SwapLimit:   d.layout.V2 || d.layout.HasFile("memory", "memory.memsw.limit_in_bytes"),
		PidsLimit:   d.layout.Has("pids"),
		CPUShares:   d.layout.Has("cpu"),
		CPUQuota:    d.layout.V2 && d.layout.Has("cpu") || d.layout.HasFile("cpu", "cpu.cfs_quota_us"),
		CPUSet:      d.layout.Has("cpuset"),
		CPURealtime: d.layout.HasFile("cpu", "cpu.rt_runtime_us"),
		OOMControl:  !d.layout.V2 && d.layout.Has("memory"),
		// The root group of v1 has no weight; where a scheduler has them, it counts too.
		BlkioWeight: d.layout.V2 && d.layout.Has("blkio") || d.layout.HasFile("blkio", "blkio.weight") ||
			d.layout.HasFile("blkio", "blkio.bfq.io_serviced"),
		BlkioThrottle: d.layout.V2 && d.layout.Has("blkio") || d.layout.HasFile("blkio", "blkio.throttle.read_bps_device"),
		Seccomp:       noSeccomp == nil,
		AppArmor:      len(enabled) > 0 && enabled[0] == 'Y',
	}
}
