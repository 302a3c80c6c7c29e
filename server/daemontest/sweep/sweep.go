//go:build linux

// Package sweep removes what a daemon in a test process has left: the exec
// engine and the containers, mounts, bridge and rules, and the directory. It
// owns no state. What belongs to a daemon is known by its directory alone: the
// exec engine names it in its command line, the bridge in its alias, containers
// are listed in it. The directory is locked (flock) as long as its owner lives,
// so nothing that is alive is ever touched. Start reading at Dead and Dir. Only
// package daemontest and the command sweeper import it.
package sweep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/cgroups"
	"github.com/enginejobs/docker/server/daemontest/bridges"
)

// Prefix is how the name of the directory of a daemon begins.
const Prefix = "ejd-"

// BridgeAlias is the alias of the bridge of the daemon of a directory.
func BridgeAlias(dir string) string { return "daemontest " + dir }

// Lock takes the lock of a directory for as long as the file is open. It fails
// with EWOULDBLOCK when somebody has it, unless it is to wait.
func Lock(dir string, wait bool) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	how := unix.LOCK_EX
	if !wait {
		how |= unix.LOCK_NB
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close() // was only for the lock
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	return f, nil
}

// newborn is how long a directory may be without its lock at the beginning.
const newborn = 5 * time.Second

// Dead sweeps all directories below parent whose owner has died, of this user.
func Dead(parent string) error {
	dirs, err := filepath.Glob(filepath.Join(parent, Prefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		var st unix.Stat_t
		if unix.Lstat(dir, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != os.Geteuid() {
			continue
		}
		if time.Since(time.Unix(st.Ctim.Unix())) < newborn {
			continue
		}
		lock, err := Lock(dir, false)
		if err != nil {
			continue // it lives, or somebody else sweeps it
		}
		errs = append(errs, Dir(dir), lock.Close())
	}
	return errors.Join(errs...)
}

// Dir removes what the daemon of a directory has left, and the directory. The
// caller has its lock. What is gone already is no failure.
func Dir(dir string) error {
	var errs []error
	if os.Geteuid() == 0 {
		// The exec engine collects what is killed, so it comes last of the two.
		errs = append(errs, containers(dir), engines(dir), mounts(dir), links(dir))
	}
	return errors.Join(append(errs, os.RemoveAll(dir))...)
}

// engines kills the exec engine, which nobody raises again, and waits for its
// end.
func engines(dir string) error {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	var errs []error
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(line), "dockerinit\x00engine\x00"+dir+"/") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("killing the exec engine %d: %w", pid, err))
		}
		await(file)
	}
	return errors.Join(errs...)
}

// await waits, not for ever, for the end of a process that was killed, given
// the file with its command line. One that is dead but not collected has none.
func await(cmdline string) {
	for range 200 {
		if line, err := os.ReadFile(cmdline); err != nil || len(line) == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// containers kills the containers by their cgroups, and removes those.
func containers(dir string) error {
	entries, err := os.ReadDir(filepath.Join(dir, "root", "containers"))
	if err != nil || len(entries) == 0 {
		return nil //nolint:nilerr // it never had one
	}
	layout, err := cgroups.Detect()
	if err != nil {
		return fmt.Errorf("reading cgroups of the host: %w", err)
	}
	var errs []error
	for _, e := range entries {
		group := layout.Open("docker", e.Name())
		pids, _ := group.Pids() // of a group that is gone there are none
		if err := group.Kill(); err != nil {
			errs = append(errs, fmt.Errorf("killing container %s: %w", e.Name(), err))
		}
		for _, pid := range pids {
			await("/proc/" + strconv.Itoa(pid) + "/cmdline")
		}
		layout.Use(group)
		errs = append(errs, group.Remove())
	}
	layout.RemoveParents()
	return errors.Join(errs...)
}

// mounts takes away what is mounted below dir, deepest first.
func mounts(dir string) error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			found = append(found, fields[4])
		}
	}
	sort.Slice(found, func(i, j int) bool { return len(found[i]) > len(found[j]) })
	var errs []error
	for _, target := range found {
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, fmt.Errorf("unmounting %s: %w", target, err))
		}
	}
	return errors.Join(errs...)
}

// links removes the bridge of dir and its rules. Interfaces of containers vanish
// with them.
func links(dir string) error {
	list, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("listing links: %w", err)
	}
	var errs []error
	for _, link := range list {
		if link.Attrs().Alias == BridgeAlias(dir) {
			errs = append(errs, bridges.Remove(link.Attrs().Name))
		}
	}
	return errors.Join(errs...)
}
