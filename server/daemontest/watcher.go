//go:build linux

package daemontest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// watcher is a process that outlives this one. While the daemon lives it waits
// at the end of a pipe; when this process has died it removes the directory, and
// with real containers all that command sweeper knows of.
type watcher struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

// forDirectory is the watcher of a daemon that leaves nothing but files.
const forDirectory = `read -r _; rm -rf -- "$1"`

func startWatcher(dir string, prog *programs) (*watcher, error) {
	cmd := exec.Command("/bin/sh", "-c", forDirectory, "sweeper", dir)
	if prog != nil && prog.sweeper != "" {
		cmd = exec.Command(prog.sweeper, dir)
	}
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C at the test is not for it
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the watcher: %w", errors.Join(err, pipe.Close()))
	}
	return &watcher{cmd, pipe}, nil
}

// watcherPatience is how long the watcher gets for finding that nothing is left.
const watcherPatience = 10 * time.Second

// stop ends the watcher of a daemon that has cleaned up itself.
func (w *watcher) stop() error {
	_ = w.pipe.Close() // it is no file, nothing was written
	slow := time.AfterFunc(watcherPatience, func() { _ = w.cmd.Process.Kill() })
	defer slow.Stop()
	if err := w.cmd.Wait(); err != nil {
		return fmt.Errorf("ending the watcher: %w", err)
	}
	return nil
}

// cgroupsWritable tells why containers could not have cgroups, or nil.
func cgroupsWritable() error {
	const writable = 2 // W_OK
	for _, dir := range []string{"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory"} {
		if syscall.Access(dir, writable) == nil {
			return nil
		}
	}
	if _, err := os.Stat("/sys/fs/cgroup"); err != nil {
		return err
	}
	return errors.New("/sys/fs/cgroup cannot be written")
}
