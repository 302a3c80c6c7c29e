// Package leakcheck lists what an engine can leave on a machine: mounts,
// namespaces, links, packet filter rules, cgroups, processes and temp files. It
// owns no state: a Snapshot is a plain set of lines, and what is in a later one
// but not in an earlier one has leaked. Start reading at Take. It is for tests
// and hack/leakcheck only.
package leakcheck

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"
)

// Snapshot is the state of the machine as lines; the first word is the kind.
type Snapshot map[string]bool

// Take looks at the machine. What cannot be read (no root, no nft) is absent,
// and is so in every snapshot of the same run.
func Take() Snapshot {
	s := Snapshot{}
	s.mounts()
	s.processes()
	s.links()
	s.rules()
	s.cgroups()
	s.files()
	return s
}

// Since tells what this snapshot has that an earlier one has not, sorted.
func (s Snapshot) Since(before Snapshot) []string {
	var leaked []string
	for line := range s {
		if !before[line] {
			leaked = append(leaked, line)
		}
	}
	sort.Strings(leaked)
	return leaked
}

// Wait takes snapshots until nothing has leaked since before or the time is
// over, and tells what remains: the kernel ends namespaces and links a moment
// after their last process.
func Wait(before Snapshot, timeout time.Duration) []string {
	for end := time.Now().Add(timeout); ; time.Sleep(100 * time.Millisecond) {
		leaked := Take().Since(before)
		if len(leaked) == 0 || time.Now().After(end) {
			return leaked
		}
	}
}

func (s Snapshot) add(format string, args ...any) { s[fmt.Sprintf(format, args...)] = true }

func (s Snapshot) mounts() {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		before, after, ok := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 5 {
			continue
		}
		s.add("mount %s on %s", strings.Fields(after)[0], fields[4])
	}
}

// processes lists those of an engine, and every namespace that is not ours:
// that of a container whose processes outlived it.
func (s Snapshot) processes() {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		exe, _ := os.Readlink(dir + "/exe")
		name := strings.TrimSuffix(filepath.Base(exe), " (deleted)")
		cmdline, _ := os.ReadFile(dir + "/cmdline")
		text := strings.TrimSpace(strings.ReplaceAll(string(cmdline), "\x00", " "))
		if name == "docker" || name == "dockerinit" || strings.HasPrefix(exe, "/memfd:docker") {
			s.add("process %s %s", filepath.Base(dir), text)
		}
		for _, kind := range []string{"mnt", "pid", "net", "uts", "ipc", "cgroup", "user"} {
			own, err := os.Readlink("/proc/self/ns/" + kind)
			if err != nil {
				continue
			}
			if ns, err := os.Readlink(dir + "/ns/" + kind); err == nil && ns != own {
				s.add("namespace %s of process %s (%s)", ns, filepath.Base(dir), text)
			}
		}
	}
}

func (s Snapshot) links() {
	links, _ := os.ReadDir("/sys/class/net")
	for _, l := range links {
		s.add("link %s", l.Name())
	}
}

func (s Snapshot) rules() {
	out, err := exec.Command("nft", "-s", "list", "ruleset").Output()
	if err != nil {
		return
	}
	table, chain := "", ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(strings.TrimSpace(line), " {")
		switch word, _, _ := strings.Cut(line, " "); word {
		case "", "}", "#":
		case "table":
			table, chain = line, ""
			s.add("rule %s", table)
		case "chain", "set", "map":
			chain = line
			s.add("rule %s, %s", table, chain)
		default:
			s.add("rule %s, %s: %s", table, chain, line)
		}
	}
}

// engineGroup is how the cgroups of an engine are named: for a daemon, for a
// test, for a container's id. Other programs make and remove groups meanwhile.
var engineGroup = regexp.MustCompile(`docker|ejt|test|[0-9a-f]{64}`)

func (s Snapshot) cgroups() {
	// What cannot be walked is not reported: it is absent from both snapshots.
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && engineGroup.MatchString(path) {
			s.add("cgroup %s", path)
		}
		return nil
	})
}

// files lists what the project's programs and tests make outside of their
// roots.
func (s Snapshot) files() {
	for _, pattern := range []string{
		os.TempDir() + "/*", "/dev/shm/*", "/dev/mqueue/*", "/run/docker*", "/run/netns/*", "/var/lib/docker*",
	} {
		found, _ := filepath.Glob(pattern)
		for _, path := range found {
			s.add("file %s", path)
		}
	}
}
