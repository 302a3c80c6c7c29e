package daemonproc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/enginejobs/docker/server/daemontest/bridges"
)

// processes finds the processes that belong to this daemon: those whose command
// line or environment names its directory, and their descendants. A client of
// the daemon is not one of them.
func (d *Daemon) processes() map[int]string {
	parents, names, found := map[int]int{}, map[int]string{}, map[int]string{}
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range entries {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := bytes.Cut(stat, []byte(") "))
		fields := strings.Fields(string(rest))
		if len(fields) < 2 || fields[0] == "Z" {
			continue
		}
		parents[pid], _ = strconv.Atoi(fields[1])
		cmdline, _ := os.ReadFile(dir + "/cmdline")
		names[pid] = strings.TrimSpace(strings.ReplaceAll(string(cmdline), "\x00", " "))
		if bytes.Contains(cmdline, []byte(d.Dir+"/")) || bytes.Contains(cmdline, []byte(d.Root)) {
			found[pid] = names[pid]
		}
	}
	delete(found, os.Getpid())
	for grew := true; grew; {
		grew = false
		for pid, parent := range parents {
			if _, ok := found[pid]; ok {
				continue
			}
			if _, ok := found[parent]; ok {
				found[pid], grew = names[pid], true
			}
		}
	}
	return found
}

// OwnProcesses are the daemon and the exec engine, without what runs in
// containers: the processes in the daemon's own mount namespace.
func (d *Daemon) OwnProcesses() []int {
	var own []int
	home, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", d.Pid()))
	if err != nil {
		return nil
	}
	for pid := range d.processes() {
		if ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid)); err == nil && ns == home {
			own = append(own, pid)
		}
	}
	return own
}

// ExecEngine is the process id of the exec engine: the one process of this
// daemon that parents containers and is not the daemon.
func (d *Daemon) ExecEngine() (int, error) {
	pid := d.Pid()
	for p, cmdline := range d.processes() {
		if p != pid && strings.Contains(filepath.Base(strings.Fields(cmdline + " -")[0]), "dockerinit") {
			ppid, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p))
			if bytes.Contains(ppid, []byte(d.Dir)) || bytes.Contains(ppid, []byte(d.Root)) {
				return p, nil
			}
		}
	}
	return 0, fmt.Errorf("no exec engine among %v", d.processes())
}

// sweep kills and unmounts what is left of a stopped daemon and says what that
// was: a daemon that stops cleanly leaves nothing.
func (d *Daemon) sweep() error {
	var errs []error
	for range 100 { // its helpers may need a moment to end
		if len(d.processes()) == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for pid, cmdline := range d.processes() {
		errs = append(errs, fmt.Errorf("process %d (%s) was left", pid, cmdline))
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	for _, target := range mountsUnder(d.Dir, d.Root) {
		errs = append(errs, fmt.Errorf("mount %s was left", target))
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// dropBridges removes the bridges of networks that a test made and left: they
// outlive a daemon on purpose.
func (d *Daemon) dropBridges() error {
	const prefix, digits = "br-", 12
	files, err := filepath.Glob(filepath.Join(d.Root, "networks", "*.json"))
	errs := []error{err}
	for _, file := range files {
		if id := filepath.Base(file); len(id) > digits {
			errs = append(errs, bridges.Remove(prefix+id[:digits]))
		}
	}
	return errors.Join(errs...)
}

// mountsUnder lists mount points below directories, deepest first.
func mountsUnder(dirs ...string) []string {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		for _, dir := range dirs {
			if strings.HasPrefix(fields[4], dir+"/") {
				found = append(found, fields[4])
				break
			}
		}
	}
	sort.Slice(found, func(i, j int) bool { return len(found[i]) > len(found[j]) })
	return found
}
