package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/integration/leakcheck"
)

// crashState is what the daemon says of a container.
type crashState struct {
	ID, Name string
	State    struct {
		Status   string
		Pid      int
		ExitCode int
		Error    string
	}
}

// check compares what the clients know with what the daemon says, in every
// round. What is under way gets a moment.
func (c *crash) check(when string) {
	if !daemonproc.Poll(30*time.Second, func() bool {
		return !strings.Contains(jobs(c.t, c.d), `"create"`) && !strings.Contains(jobs(c.t, c.d), `"rm"`)
	}) {
		c.t.Errorf("%s: what nobody waits for any more does not end: %s", when, jobs(c.t, c.d))
	}
	var known []*crashBox
	for _, w := range c.workers {
		for _, b := range slices.Clone(w.boxes) {
			if !c.settle(w, b, when) {
				w.drop(b)
				continue
			}
			known = append(known, b)
		}
	}
	var list []struct {
		ID    string `json:"Id"`
		Names []string
	}
	if err := c.api.call(c.t.Context(), "GET", "/containers/json?all=1", nil, &list); err != nil {
		c.t.Errorf("%s: %v", when, err)
		return
	}
	for _, row := range list {
		if !slices.ContainsFunc(known, func(b *crashBox) bool { return b.id == row.ID }) {
			c.t.Errorf("%s: container %v (%.12s) is one that nobody made, or was removed", when, row.Names, row.ID)
		}
	}
}

// settle finds out what became of a container and of the operation on it that
// was cut off. It tells whether the container is there.
func (c *crash) settle(w *crashWorker, b *crashBox, when string) bool {
	ref := b.id
	if ref == "" {
		ref = b.name
	}
	c.names[b.name] = true
	var now crashState
	var fault string
	gone := false
	daemonproc.Poll(10*time.Second, func() bool {
		now = crashState{}
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		defer cancel()
		err := c.api.call(ctx, "GET", "/containers/"+ref+"/json", nil, &now)
		var refused *apiError
		gone = errors.As(err, &refused) && refused.status == http.StatusNotFound
		switch {
		case gone && (b.cut == "rm" || b.cut == "create"):
			fault = ""
		case err != nil:
			fault = err.Error()
		default:
			fault = b.wrong(&now)
		}
		return fault == "" || gone
	})
	if fault != "" {
		c.t.Errorf("%s: %s: %s", when, b, fault)
	}
	if gone {
		return false
	}
	if b.id == "" {
		b.id = now.ID
	}
	if !slices.Contains(c.ids, b.id) {
		c.ids = append(c.ids, b.id)
	}
	if fault == "" && b.policy == "" {
		c.countStarts(b, &now, when)
	}
	b.name, b.cut, b.newName = strings.TrimPrefix(now.Name, "/"), "", ""
	return true
}

// wrong says what of a container's state cannot be.
func (b *crashBox) wrong(now *crashState) string {
	if name := strings.TrimPrefix(now.Name, "/"); name != b.name && (b.newName == "" || name != b.newName) {
		return "it is called " + name
	}
	s := now.State
	if b.cut == "start" || b.cut == "restart" || b.cut == "rm" {
		b.lost = true // what is not answered may be broken off, or its end not be known
	}
	if s.Error != "" && !b.lost && !b.signalled && b.policy == "" {
		return "its last start says " + s.Error
	}
	if (s.Status == "running" || s.Status == "paused") && !alive(s.Pid) {
		return fmt.Sprintf("it is %s with pid %d, which is %s", s.Status, s.Pid, process(s.Pid))
	}
	switch s.Status {
	case "created":
		if b.starts > 0 {
			return "it is created, but was started"
		}
	case "running", "restarting":
		if b.starts == 0 && b.perhaps == 0 {
			return "it is " + s.Status + ", but was never started"
		}
	case "paused":
		if !b.paused {
			return "it is paused, and nobody asked"
		}
	case "exited":
		return b.wrongEnd(now)
	default:
		return "it is " + s.Status
	}
	return ""
}

// wrongEnd says what cannot be of the end of a workload.
func (b *crashBox) wrongEnd(now *crashState) string {
	code := now.State.ExitCode
	switch {
	case b.lost && (code == 255 || code == 137 || code == 128 || code == 125):
		return ""
	case code != b.code && code != 137:
		return fmt.Sprintf("it ended with %d", code)
	case b.signalled:
		return ""
	case code != b.code:
		return fmt.Sprintf("it ended with %d, and nobody killed it", code)
	case b.long:
		return "it ended, and nobody asked"
	case b.policy == "always", b.policy == "unless-stopped":
		return "it ended, and its policy has not started it again"
	}
	return ""
}

// countStarts demands that a workload ran as often as it was started.
func (c *crash) countStarts(b *crashBox, now *crashState, when string) {
	logs, err := c.api.text(c.t.Context(), "/containers/"+b.id+"/logs?stdout=1")
	if err != nil {
		c.t.Errorf("%s: logs of %s: %v", when, b, err)
		return
	}
	if n := strings.Count(logs, "begin"); n > b.starts+b.perhaps {
		c.t.Errorf("%s: %s ran %d times, and was started %d times, perhaps %d more", when, b, n, b.starts, b.perhaps)
	}
}

// alive tells whether a process has not ended: one that nobody has collected is
// still in the list.
func alive(pid int) bool { return !strings.HasPrefix(process(pid), "Z") && process(pid) != "gone" }

// process tells the state of a process, the letter of proc(5) first.
func process(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "gone"
	}
	_, after, _ := strings.Cut(string(text), ") ")
	return fmt.Sprint(strings.Join(strings.Fields(after)[:2], ", child of "))
}

func entriesOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// leakedBy waits until the machine has nothing more than before that names one
// of ours: containers, directories, bridges. The kernel ends links and
// namespaces a moment after their last process. Other programs may come and go
// meanwhile. The bridge itself goes later.
func leakedBy(before leakcheck.Snapshot, ours []string, bridge string) []string {
	var left []string
	daemonproc.Poll(10*time.Second, func() bool {
		left = nil
		for _, line := range leakcheck.Take().Since(before) {
			mine := slices.ContainsFunc(ours, func(s string) bool { return s != "" && strings.Contains(line, s) })
			if mine && line != "link "+bridge && !strings.HasPrefix(line, "file ") {
				left = append(left, line)
			}
		}
		return len(left) == 0
	})
	return left
}
