package cgroups

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// madeMark is on the directories of parents that Create had to make. The kernel
// keeps it as long as the directory lives, so whichever of our processes is the
// last to use a parent knows that it may go.
const madeMark = "trusted.enginejobs.made"

// Use remembers the parents of a group for RemoveParents. Create does it by
// itself; a group that was made by an earlier process needs it.
func (l *Layout) Use(g *Group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used == nil {
		l.used = make(map[string]string)
	}
	for c, dir := range g.Paths {
		l.used[filepath.Dir(dir)] = c
	}
}

// RemoveParents removes the parents of groups that Create had to make, here or
// in an earlier process, and that are empty by now. Those that others made or
// use stay.
func (l *Layout) RemoveParents() {
	l.mu.Lock()
	used := l.used
	l.used = nil
	l.mu.Unlock()
	for dir, controller := range used {
		base := l.dirs[controller]
		for ; len(dir) > len(base) && strings.HasPrefix(dir, base); dir = filepath.Dir(dir) {
			if _, err := unix.Getxattr(dir, madeMark, nil); err != nil || unix.Rmdir(dir) != nil {
				break
			}
		}
	}
}
