// Package cgroups makes, limits, reads and removes control groups, on hosts with
// one hierarchy per controller (v1, also the hybrid form) and on hosts with the
// unified one (v2). It owns no state but the description of the host that Detect
// reads once. Start reading at Detect, then Layout.Create. It is domain-free:
// it knows groups, not containers, and imports nothing of this module.
//
// Controllers that the host lacks are left out: a limit that needs one becomes a
// warning, never a failure.
package cgroups

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The controllers of v1 that a group gets a directory in.
var controllersV1 = [...]string{"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"}

// Layout describes the control groups of a host. What it describes does not
// change; it remembers the parents of the groups that it has seen.
type Layout struct {
	V2 bool
	// dirs has for each controller the directory of the group of process 1; for
	// v2 the one entry is "".
	dirs map[string]string
	has  map[string]bool // v2: the controllers that can be handed down

	mu   sync.Mutex
	used map[string]string // parents of groups, and the controller of each
}

// Detect reads where the control groups of the host are.
func Detect() (*Layout, error) {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer mounts.Close()
	own, err := readMembership("/proc/1/cgroup")
	if err != nil {
		return nil, err
	}
	l := &Layout{dirs: map[string]string{}}
	unified := ""
	in := bufio.NewScanner(mounts)
	for in.Scan() {
		root, point, kind, options := parseMount(in.Text())
		switch kind {
		case "cgroup2":
			unified = within(point, root, own[""])
		case "cgroup":
			for _, name := range strings.Split(options, ",") {
				l.dirs[name] = within(point, root, own[name])
			}
		}
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if l.dirs["memory"] == "" && l.dirs["devices"] == "" && unified != "" {
		return detectV2(unified)
	}
	for name := range l.dirs {
		if !isController(name) {
			delete(l.dirs, name)
		}
	}
	return l, nil
}

func detectV2(dir string) (*Layout, error) {
	l := &Layout{V2: true, dirs: map[string]string{"": dir}, has: map[string]bool{}}
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	for _, name := range strings.Fields(string(b)) {
		l.has[name] = true
	}
	return l, err
}

func isController(name string) bool {
	for _, c := range controllersV1 {
		if c == name {
			return true
		}
	}
	return false
}

// parseMount takes what we need from a line of mountinfo.
func parseMount(line string) (root, point, kind, options string) {
	before, after, ok := strings.Cut(line, " - ")
	f, g := strings.Fields(before), strings.Fields(after)
	if !ok || len(f) < 5 || len(g) < 3 {
		return "", "", "", ""
	}
	return f[3], f[4], g[0], g[2]
}

// within gives the directory of a group below a mount that shows root.
func within(point, root, group string) string {
	if rest, ok := strings.CutPrefix(group, root); ok && root != "/" {
		group = rest
	}
	dir := filepath.Join(point, group)
	if _, err := os.Stat(dir); err != nil {
		return point
	}
	return dir
}

func readMembership(path string) (map[string]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	own := map[string]string{}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.SplitN(line, ":", 3); len(f) == 3 {
			for _, name := range strings.Split(f[1], ",") {
				own[name] = f[2]
			}
		}
	}
	return own, nil
}

// Has tells whether a controller (its v1 name) can be used.
func (l *Layout) Has(controller string) bool {
	if !l.V2 {
		return l.dirs[controller] != ""
	}
	switch controller {
	case "blkio":
		controller = "io"
	case "devices":
		return true // by a program on the group
	case "freezer":
		return true // part of every group
	}
	return l.has[controller]
}

// HasFile tells whether a controller has a file, looked for where our groups
// would be: the root group lacks some.
func (l *Layout) HasFile(controller, file string) bool {
	if l.V2 || l.dirs[controller] == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(l.dirs[controller], file))
	return err == nil
}

// Group is one group in all hierarchies. Paths are its directories, which is all
// that has to be remembered of it.
type Group struct {
	V2    bool              `json:"v2,omitempty"`
	Paths map[string]string `json:"paths"` // by controller; v2: one under ""
}

// Open describes a group without making it.
func (l *Layout) Open(parent, name string) *Group {
	g := &Group{V2: l.V2, Paths: make(map[string]string, len(l.dirs))}
	for c, dir := range l.dirs {
		if strings.HasPrefix(parent, "/") && !l.V2 {
			dir = strings.TrimSuffix(dir, "/")
		}
		g.Paths[c] = filepath.Join(dir, filepath.Clean("/"+parent), name)
	}
	return g
}

// Create makes a group with its limits. On failure nothing of it is left; its
// parent stays, it is everybody's, until RemoveParents.
func (l *Layout) Create(parent, name string, limits *Limits) (g *Group, warnings []string, err error) {
	g = l.Open(parent, name)
	l.Use(g)
	defer func() {
		if err != nil {
			_ = g.Remove() // the reason of the failure matters more
		}
	}()
	for c, dir := range g.Paths {
		if err := l.makeDir(c, dir); err != nil {
			return nil, nil, fmt.Errorf("making cgroup: %w", err)
		}
	}
	if l.V2 {
		warnings, err = l.createV2(g.Paths[""], limits)
	} else {
		warnings, err = l.createV1(g, limits)
	}
	return g, warnings, err
}

// makeDir makes a directory and its parents, each ready to be lived in.
func (l *Layout) makeDir(controller, dir string) error {
	err := os.Mkdir(dir, 0o755)
	// Again when somebody else has removed the empty parent meanwhile.
	for tries := 0; errors.Is(err, fs.ErrNotExist) && tries < 5; tries++ {
		parent := filepath.Dir(dir)
		_, missing := os.Lstat(parent)
		if err = l.makeDir(controller, parent); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if errors.Is(missing, fs.ErrNotExist) {
			_ = unix.Setxattr(parent, madeMark, []byte("1"), 0) // without it the parent stays
		}
		if l.V2 {
			l.handDown(parent)
		}
		err = os.Mkdir(dir, 0o755)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if controller == "cpuset" {
		return inheritCpuset(dir)
	}
	return nil
}

// handDown enables the controllers for the children of a group, one by one: a
// group may refuse one and allow the others.
func (l *Layout) handDown(dir string) {
	for _, d := range []string{filepath.Dir(dir), dir} {
		for c := range l.has {
			_ = write(d, "cgroup.subtree_control", "+"+c) // what is missing shows when a limit is set
		}
	}
}

// inheritCpuset copies processors and memory nodes from the parent: a new group
// has none, and nobody can enter it so.
func inheritCpuset(dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		own, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		if len(strings.TrimSpace(string(own))) > 0 {
			continue
		}
		up, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
		if err != nil {
			return err
		}
		if len(strings.TrimSpace(string(up))) == 0 { // whoever made it has not come to it yet
			if err := inheritCpuset(filepath.Dir(dir)); err != nil {
				return err
			}
			if up, err = os.ReadFile(filepath.Join(filepath.Dir(dir), file)); err != nil {
				return err
			}
		}
		if err := write(dir, file, strings.TrimSpace(string(up))); err != nil {
			return err
		}
	}
	return nil
}

// write writes a value in one call, as control files want it.
func write(dir, file, value string) error {
	path := filepath.Join(dir, file)
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(value)); err != nil {
		return &fs.PathError{Op: "write " + strconv.Quote(value) + " to", Path: path, Err: err}
	}
	return nil
}

// Tasks lists the files that a thread writes "0" to in order to enter (v1).
func (g *Group) Tasks() []string {
	if g.V2 {
		return nil
	}
	files := make([]string, 0, len(g.Paths))
	for _, dir := range g.Paths {
		files = append(files, dir+"/tasks")
	}
	return files
}

// anyDir is a directory whose members are those of all the others.
func (g *Group) anyDir() string {
	for _, c := range [...]string{"", "freezer", "pids", "devices", "memory"} {
		if dir := g.Paths[c]; dir != "" {
			return dir
		}
	}
	for _, dir := range g.Paths {
		return dir
	}
	return ""
}

// Pids lists the processes of the group and of those below it.
func (g *Group) Pids() ([]int, error) {
	var pids []int
	err := filepath.WalkDir(g.anyDir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "cgroup.procs" {
			return ignoreGone(err)
		}
		b, err := os.ReadFile(path)
		for _, f := range strings.Fields(string(b)) {
			if pid, err := strconv.Atoi(f); err == nil {
				pids = append(pids, pid)
			}
		}
		return ignoreGone(err)
	})
	return pids, err
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

// Kill sends SIGKILL to all processes of the group, for good: where that takes
// several rounds the group may not grow any more.
func (g *Group) Kill() error {
	if g.V2 {
		if err := write(g.Paths[""], "cgroup.kill", "1"); err == nil {
			return nil
		}
	}
	dir := g.Paths["pids"]
	if g.V2 {
		dir = g.Paths[""]
	}
	if dir != "" {
		_ = write(dir, "pids.max", "0") // without it a bomb takes more rounds
	}
	for range 10 {
		pids, err := g.Pids()
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
		}
		g.release()
		time.Sleep(time.Millisecond)
	}
	return nil
}

// Remove removes the group. Directories that are gone are no failure; a busy one
// is tried again for a short time, because members leave it a moment after
// their end was seen.
func (g *Group) Remove() error {
	var first error
	for _, dir := range g.Paths {
		if err := removeDir(dir); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func removeDir(dir string) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := unix.Rmdir(dir)
		switch {
		case err == nil || err == unix.ENOENT:
			return nil
		case err != unix.EBUSY && err != unix.ENOTEMPTY || wait > 300*time.Millisecond:
			return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
		}
		removeChildren(dir)
		time.Sleep(wait)
	}
}

// removeChildren removes groups that the members made themselves.
func removeChildren(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			sub := filepath.Join(dir, e.Name())
			removeChildren(sub)
			_ = unix.Rmdir(sub) // the parent's failure tells
		}
	}
}
