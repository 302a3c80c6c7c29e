//go:build linux

// Package daemontest starts a whole daemon in the process of a test: the engine,
// its jobs, the Docker API on a private unix socket. Code that drives Docker is
// tested against it without Docker, on a machine that has none:
//
//	d := daemontest.New(t)
//	d.ImportBox(t)
//	cli, err := client.New(client.WithHost(d.Host()))
//
// As root, with the capabilities that containers need, the containers are real;
// for anybody else, and with the option Fake, the exec driver is execdriver/fake,
// whose containers are goroutines that understand a few commands. The image
// "box" has exactly those commands, so that a test says the same to both.
//
// Every daemon owns a directory below os.TempDir, in it a root, a socket and a
// log, and with the option Bridge a bridge of its own. Any number of them may
// live beside each other, in one process or in many. All of it is taken away at
// the end of the test, by t.Cleanup, which also comes after a panic of the test.
// For an end where nothing in the process can run any more (a panic elsewhere,
// os.Exit, SIGKILL, the timeout of go test) a watcher process holds a pipe to
// this one and cleans up when it breaks; and New sweeps what is left of daemons
// whose watcher has died, too.
//
// What daemons in one process share, and leave, cannot be helped: with real
// containers the process becomes a child subreaper (orphans of its children
// become its own children), and net.ipv4.ip_forward is switched on by Bridge.
// Working directory, umask, environment, signals and the log of the process are
// not touched.
//
// Start reading at New. Only tests import it.
package daemontest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/builtins"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/server"
	"github.com/enginejobs/docker/server/daemontest/bridges"
	"github.com/enginejobs/docker/server/daemontest/sweep"
)

// Option changes what New makes.
type Option func(*options)

type options struct {
	fake, native bool
	driver       fake.Options
	bridge       bool
	dockerinit   string
	configure    []func(*server.Config)
}

// Fake makes the containers goroutines, also for root.
func Fake() Option { return func(o *options) { o.fake = true } }

// FakeDriver is Fake with a driver that is slow or fails.
func FakeDriver(driver fake.Options) Option {
	return func(o *options) { o.fake, o.driver = true, driver }
}

// Native makes the containers real, and skips the test where that cannot be.
func Native() Option { return func(o *options) { o.native = true } }

// Bridge gives real containers a network, on a bridge of this daemon alone.
// Without it they have a loopback interface. The fake driver ignores it.
func Bridge() Option { return func(o *options) { o.bridge = true } }

// Dockerinit names the program dockerinit, instead of one that is built: see
// programs.go for where it comes from else.
func Dockerinit(path string) Option { return func(o *options) { o.dockerinit = path } }

// Configure changes the configuration of the daemon at last.
func Configure(f func(*server.Config)) Option {
	return func(o *options) { o.configure = append(o.configure, f) }
}

// Daemon is a daemon in this process. Make it with New.
type Daemon struct {
	dir    string
	native bool
	bridge string
	subnet string
	cfg    server.Config
	driver fake.Options
	srv    *server.Server // the one that runs, nil before
	world  *fake.World    // nil: the containers are real
	client *http.Client
	log    *lines
	lock   *os.File
	watch  *watcher
}

// New starts a daemon that is up when New returns and gone when the test is
// over. It fails the test when it cannot.
func New(t testing.TB, opts ...Option) *Daemon {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	why := privileged()
	if o.native && why != nil {
		t.Skipf("real containers are not possible here: %v", why)
	}
	if err := sweep.Dead(os.TempDir()); err != nil {
		t.Logf("sweeping what dead tests have left: %v", err)
	}
	d := &Daemon{native: !o.fake && why == nil, log: &lines{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the daemon:\n%s", d.log)
		}
		if err := d.close(); err != nil {
			t.Errorf("closing the daemon: %v", err)
		}
	})
	if err := d.start(o); err != nil {
		t.Fatalf("starting a daemon: %v", err)
	}
	return d
}

// start makes everything; what it has made when it fails, close takes away.
func (d *Daemon) start(o options) error {
	var prog *programs
	var err error
	if d.native {
		if prog, err = findPrograms(o.dockerinit); err != nil {
			return err
		}
	}
	if err := d.makeDir(); err != nil {
		return err
	}
	if d.watch, err = startWatcher(d.dir, prog); err != nil {
		return err
	}
	d.cfg = server.Config{
		Root: filepath.Join(d.dir, "root"), Hosts: []string{d.Host()}, Log: d.log, Guest: true,
		ShutdownTimeout: 20 * time.Second, Network: server.Network{Off: true},
	}
	if d.native {
		d.cfg.DockerinitPath = prog.dockerinit
		if o.bridge {
			if d.bridge, d.subnet, err = bridges.Make("ejdt", 214, sweep.BridgeAlias(d.dir)); err != nil {
				return err
			}
			d.cfg.Network = server.Network{Bridge: d.bridge, WarmSandboxes: -1}
		}
	} else {
		d.world, d.driver = fake.NewWorld(), o.driver
		d.cfg.StorageDriver = "vfs"
	}
	for _, f := range o.configure {
		f(&d.cfg)
	}
	if err := d.boot(); err != nil {
		return err
	}
	socket := d.socket()
	d.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	return nil
}

// boot brings a server up.
func (d *Daemon) boot() error {
	cfg := d.cfg
	if d.world != nil && cfg.Exec == nil {
		cfg.Exec = d.world.Driver(d.driver)
	}
	srv, err := builtins.New(cfg)
	if err != nil {
		return err
	}
	if err := srv.Start(context.Background()); err != nil {
		return err
	}
	d.srv = srv
	return nil
}

// Restart stops the daemon and starts it again on the same root and socket, as
// an upgrade does. Containers are stopped with it, unless Configure has set
// LiveRestore. The engine is a new one: what the test had put on the old one is
// gone. Nothing else may use the Daemon meanwhile; clients find it again.
func (d *Daemon) Restart(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	d.client.CloseIdleConnections()
	if err := d.srv.Close(ctx); err != nil {
		t.Fatalf("stopping the daemon: %v", err)
	}
	if err := d.boot(); err != nil {
		t.Fatalf("starting the daemon again: %v", err)
	}
}

// longestDir leaves room for the socket: its address has 107 bytes at most.
const longestDir = 90

// makeDir makes the directory and locks it.
func (d *Daemon) makeDir() error {
	parent := os.TempDir()
	if len(parent)+len(sweep.Prefix)+12 > longestDir {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, sweep.Prefix)
	if err != nil {
		return err
	}
	if d.dir, err = filepath.EvalSymlinks(dir); err != nil {
		return errors.Join(err, os.Remove(dir))
	}
	d.lock, err = sweep.Lock(d.dir, false)
	return err
}

// close takes everything down; it works on what start has come to.
func (d *Daemon) close() error {
	var errs []error
	if d.srv != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		errs = append(errs, d.removeAll(ctx))
		d.client.CloseIdleConnections()
		errs = append(errs, d.srv.Close(ctx))
	}
	if d.world != nil {
		d.world.KillAll()
	}
	if d.bridge != "" {
		errs = append(errs, bridges.Remove(d.bridge))
	}
	if d.dir != "" {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	if d.watch != nil {
		errs = append(errs, d.watch.stop())
	}
	return errors.Join(errs...)
}

// removeAll kills and removes every container, which is faster than asking each
// of them to end.
func (d *Daemon) removeAll(ctx context.Context) error {
	eng := d.Engine()
	if eng.IsShutdown() {
		return nil // the test has closed it itself
	}
	var list []struct{ ID string }
	job := eng.Job("containers").SetContext(ctx)
	job.SetenvBool("all", true)
	if err := job.OutputJSON(&list); err != nil {
		return nil //nolint:nilerr // a test may have replaced the job; closing does the rest
	}
	var errs []error
	for _, c := range list {
		rm := eng.Job("rm", c.ID).SetContext(ctx)
		rm.SetenvBool("forceRemove", true)
		rm.SetenvBool("removeVolume", true)
		if err := rm.Run(); err != nil && !gone(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (d *Daemon) socket() string { return filepath.Join(d.dir, "s") }

// Host is the address of the API, as DOCKER_HOST has it: unix:///….
func (d *Daemon) Host() string { return "unix://" + d.socket() }

// Engine is the bus of the daemon, until a Restart. What a test replaces on it (Engine.Replace,
// enginetest.Fake, enginetest.FailNth) is what the API then runs.
func (d *Daemon) Engine() *engine.Engine { return d.srv.Engine() }

// HTTPClient speaks to the API whatever the host of the URL is:
// d.HTTPClient().Get("http://docker/info").
func (d *Daemon) HTTPClient() *http.Client { return d.client }

// Native tells whether the containers are real.
func (d *Daemon) Native() bool { return d.native }

// Dir is the directory that holds everything of this daemon.
func (d *Daemon) Dir() string { return d.dir }

// BridgeName is the name of the bridge, empty without one, and Subnet the first
// three numbers of its addresses: "10.214.7".
func (d *Daemon) BridgeName() (name, subnet string) { return d.bridge, d.subnet }

// Log is the last of what the daemon has logged.
func (d *Daemon) Log() string { return d.log.String() }

// privileged tells why containers cannot be real here, or nil.
func privileged() error {
	if os.Geteuid() != 0 {
		return errors.New("it takes root")
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	var have uint64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "CapEff: %x", &have); err == nil {
			break
		}
	}
	for name, bit := range map[string]uint{
		"CHOWN": 0, "DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7, "NET_ADMIN": 12, "SYS_CHROOT": 18, "SYS_ADMIN": 21, "MKNOD": 27,
	} {
		if have&(1<<bit) == 0 {
			return fmt.Errorf("the capability %s is missing", name)
		}
	}
	return cgroupsWritable()
}
