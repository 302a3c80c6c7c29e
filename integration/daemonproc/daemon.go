// Package daemonproc starts the built bin/docker as a daemon of its own: temp
// root, private socket, private bridge, pidfile. It owns what a Daemon value
// made and takes it away again, also after a failed test. Start reading at
// Start. It is imported by tests only, and it talks to the daemon like anybody
// else: by the CLI, by HTTP and by signals.
package daemonproc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/server/daemontest/bridges"
)

// startTimeout bounds how long a daemon may take to answer its first ping. It
// is generous: the machine may be busy. Real starts take a tenth of a second.
const startTimeout = 30 * time.Second

// Options are what a test may ask for. The zero value is a good daemon.
type Options struct {
	Args     []string // more flags of docker -d
	Env      []string // more environment, "K=V"
	Root     string   // data root; "" makes one in the daemon's directory
	NoBridge bool     // -b none: containers have loopback only
	NoImage  bool     // do not import busybox
	TCP      bool     // listen on a port of 127.0.0.1, too
	Quiet    bool     // no debug log: for measurements
}

// Daemon is one daemon and everything that was made for it.
type Daemon struct {
	Dir    string // temp directory that holds all of the rest
	Root   string
	Host   string // value for DOCKER_HOST
	Addr   string // host:port of the TCP listener, "" without
	Bin    string // path of bin/docker
	Bridge string // name, "" without
	Subnet string // of the bridge: "10.213.7", the first three numbers

	args, env []string
	logPath   string
	client    *http.Client

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has been waited for
}

// Start gives a running daemon that holds the image busybox, and stops it when
// the test ends. It skips when the machine or the user cannot have one.
func Start(t testing.TB, opts Options) *Daemon {
	t.Helper()
	Require(t)
	d, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("daemon log:\n%s", d.Log(8000))
		}
		if err := d.Close(); err != nil {
			t.Errorf("closing the daemon: %v", err)
		}
	})
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	if !opts.NoImage {
		if err := d.ImportBusybox(); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// Require skips a test that needs root or the built binary when it is missing.
func Require(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it runs a real daemon and real containers")
	}
	if _, err := os.Stat(Binary()); err != nil {
		t.Skipf("needs the built daemon, run make build: %v", err)
	}
}

// New prepares a daemon: directories and bridge. Start runs it, Close removes
// everything.
func New(opts Options) (*Daemon, error) {
	dir, err := os.MkdirTemp("", "ejt-")
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		Dir: dir, Root: opts.Root, Bin: Binary(), Host: "unix://" + filepath.Join(dir, "docker.sock"),
		logPath: filepath.Join(dir, "daemon.log"), env: opts.Env,
	}
	if d.Root == "" {
		d.Root = filepath.Join(dir, "root")
	}
	bridge := "none"
	if !opts.NoBridge {
		if d.Bridge, d.Subnet, err = bridges.Make("ejt", 213, "daemonproc "+dir); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		bridge = d.Bridge
	}
	d.args = []string{
		"-d", "-H", d.Host, "-g", d.Root, "-p", filepath.Join(dir, "docker.pid"),
		"--exec-root", filepath.Join(dir, "exec"), "--trust-key", filepath.Join(dir, "key.json"), "-b", bridge,
	}
	if !opts.Quiet {
		d.args = append(d.args, "-D")
	}
	if opts.TCP {
		if d.Addr, err = freeAddr(); err != nil {
			return nil, errors.Join(err, d.Close())
		}
		d.args = append(d.args, "-H", "tcp://"+d.Addr, "--access-policy=open")
	}
	d.args = append(d.args, opts.Args...)
	socket := strings.TrimPrefix(d.Host, "unix://")
	d.client = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	return d, nil
}

// Start runs the daemon and returns when it answers /_ping.
func (d *Daemon) Start() error {
	if err := d.Launch(); err != nil {
		return err
	}
	return d.WaitReady()
}

// Launch starts the process and does not wait for it to serve.
func (d *Daemon) Launch() error {
	log, err := os.OpenFile(d.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(d.Bin, d.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(append(os.Environ(), "DOCKER_HOST=", "HOME="+d.Dir), d.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C at the test is not for it
	return d.Adopt(cmd)
}

// Adopt starts a daemon process that the test has prepared itself, in the place
// of the usual one.
func (d *Daemon) Adopt(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the daemon: %w", err)
	}
	done := make(chan struct{})
	d.mu.Lock()
	d.cmd, d.done = cmd, done
	d.mu.Unlock()
	go func() { // ends with the process
		cmd.Wait() //nolint:errcheck // whoever cares reads cmd.ProcessState
		close(done)
	}()
	return nil
}

// WaitReady returns when the daemon serves, or says why it never will.
func (d *Daemon) WaitReady() error {
	d.mu.Lock()
	cmd, done := d.cmd, d.done
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
		if err != nil {
			return err
		}
		if resp, err := d.client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-done:
			return fmt.Errorf("the daemon ended at start: %s\n%s", cmd.ProcessState, d.Log(4000))
		case <-ctx.Done():
			return fmt.Errorf("the daemon did not serve within %s\n%s", startTimeout, d.Log(4000))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Pid is the daemon's process id, 0 when it does not run.
func (d *Daemon) Pid() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd == nil {
		return 0
	}
	select {
	case <-d.done:
		return 0
	default:
		return d.cmd.Process.Pid
	}
}

// signal sends a signal and waits for the end.
func (d *Daemon) signal(sig syscall.Signal, timeout time.Duration) error {
	pid := d.Pid()
	if pid == 0 {
		return nil
	}
	d.mu.Lock()
	done := d.done
	d.mu.Unlock()
	if err := syscall.Kill(pid, sig); err != nil {
		return fmt.Errorf("signalling the daemon: %w", err)
	}
	select {
	case <-done:
		return nil
	case <-time.After(timeout):
		return fmt.Errorf("the daemon (pid %d) did not end within %s of %s\n%s", pid, timeout, sig, d.Log(4000))
	}
}

// Stop ends the daemon cleanly and tells its exit code.
func (d *Daemon) Stop() (int, error) {
	if err := d.signal(syscall.SIGTERM, 30*time.Second); err != nil {
		return -1, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd == nil {
		return 0, nil
	}
	return d.cmd.ProcessState.ExitCode(), nil
}

// Kill9 ends the daemon as a crash would.
func (d *Daemon) Kill9() error { return d.signal(syscall.SIGKILL, 10*time.Second) }

// Wait waits for the daemon to end by itself and tells its exit code.
func (d *Daemon) Wait(timeout time.Duration) (int, error) {
	d.mu.Lock()
	cmd, done := d.cmd, d.done
	d.mu.Unlock()
	select {
	case <-done:
		return cmd.ProcessState.ExitCode(), nil
	case <-time.After(timeout):
		return -1, fmt.Errorf("the daemon still runs after %s", timeout)
	}
}

// Close removes the containers, stops the daemon, and takes away everything
// that was made. It reports what the daemon itself should have removed.
func (d *Daemon) Close() error {
	var errs []error
	if d.Pid() != 0 {
		if ids := d.Docker("ps", "-aq"); ids.Code == 0 && ids.Stdout != "" {
			if rm := d.Docker(append([]string{"rm", "-f", "-v"}, strings.Fields(ids.Stdout)...)...); rm.Code != 0 {
				errs = append(errs, fmt.Errorf("removing the containers: %s", rm))
			}
		}
		d.Docker("network", "prune", "-f") // what a test forgot; those that stay are found below
		if _, err := d.Stop(); err != nil {
			errs = append(errs, err, d.Kill9())
		}
	}
	errs = append(errs, d.dropBridges())
	if err := d.sweep(); err != nil {
		errs = append(errs, err, fmt.Errorf("the daemon's log ends with\n%s", d.Log(3000)))
	}
	if d.Bridge != "" {
		errs = append(errs, bridges.Remove(d.Bridge))
	}
	errs = append(errs, os.RemoveAll(d.Dir))
	return errors.Join(errs...)
}

// Log gives the last bytes of what the daemon wrote.
func (d *Daemon) Log(last int) string {
	text, err := os.ReadFile(d.logPath)
	if err != nil {
		return err.Error()
	}
	if len(text) > last {
		text = text[len(text)-last:]
	}
	return string(text)
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
