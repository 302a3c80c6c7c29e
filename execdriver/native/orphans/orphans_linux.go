// Package orphans finds children of this process that have died and were not
// collected. The exec engine, and the daemon when it has lost one, take in the
// orphans of containers that have no pid namespace of their own. It has no
// state; start reading at Dead. It imports nothing of this module.
package orphans

import (
	"os"
	"strconv"
	"strings"
)

// Dead lists the zombies among our children.
func Dead() (pids []int) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil
	}
	for _, task := range tasks {
		b, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err != nil {
			continue // the thread has ended
		}
		for _, f := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(f); err == nil && isZombie(pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func isZombie(pid int) bool { return strings.HasPrefix(stat(pid), " Z") }

// stat is what follows the name in /proc/PID/stat. The name in parentheses may
// hold anything.
func stat(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	s := string(b)
	return s[strings.LastIndexByte(s, ')')+1:]
}

// Parent is the parent of a process, 0 when it is gone.
func Parent(pid int) int {
	f := strings.Fields(stat(pid))
	if len(f) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(f[1]) // the kernel's number
	return parent
}

// Nested tells whether a process is in a pid namespace below ours.
func Nested(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), "\nNSpid:")
	line, _, _ := strings.Cut(rest, "\n")
	return len(strings.Fields(line)) > 1
}
