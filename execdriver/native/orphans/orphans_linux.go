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

func isZombie(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	// The name in parentheses may hold anything; the state follows the last one.
	stat := string(b)
	return strings.HasPrefix(stat[strings.LastIndexByte(stat, ')')+1:], " Z")
}
