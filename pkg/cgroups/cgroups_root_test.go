package cgroups

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/pkg/testutil"
)

func TestCreateAndRemove(t *testing.T) {
	testutil.RequiresRoot(t)
	l, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	parent := fmt.Sprintf("ejcgroups%d", os.Getpid())
	t.Cleanup(func() { _ = l.Open("", parent).Remove() })
	g, warnings, err := l.Create(parent, "one", &Limits{Memory: 32 << 20, CPUShares: 512, PidsLimit: 20,
		DenyDevices: true, Devices: []Rule{{'c', 1, 3, "rwm"}}})
	if err != nil {
		t.Fatal(err, warnings)
	}
	if pids, err := g.Pids(); err != nil || len(pids) != 0 {
		t.Error(pids, err)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if err := g.Remove(); err != nil {
		t.Error("a second time:", err)
	}
	_, _, err = l.Create(parent, "two", &Limits{CpusetCpus: "no such"})
	if err == nil {
		t.Fatal("nonsense was accepted")
	}
	for _, dir := range l.Open(parent, "two").Paths {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
	}
}

// TestForeignParentsStay: a parent that was there before is not ours to remove.
func TestForeignParentsStay(t *testing.T) {
	testutil.RequiresRoot(t)
	l, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	parent := l.Open("", fmt.Sprintf("ejforeign%d", os.Getpid()))
	for c, dir := range parent.Paths {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(dir) })
		if c == "cpuset" {
			if err := inheritCpuset(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	g, _, err := l.Create(filepath.Base(parent.anyDir()), "one", &Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	l.RemoveParents()
	for _, dir := range parent.Paths {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("somebody else's parent: %v", err)
		}
	}
}

func TestRemoveParents(t *testing.T) {
	testutil.RequiresRoot(t)
	l, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	outer := fmt.Sprintf("ejparents%d", os.Getpid())
	g, _, err := l.Create(outer+"/inner", "one", &Limits{})
	if err != nil {
		t.Fatal(err)
	}
	l.RemoveParents()     // still in use: it stays
	next, err := Detect() // the process that follows when the first one was killed
	if err != nil {
		t.Fatal(err)
	}
	next.Use(g)
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	next.RemoveParents()
	for _, dir := range l.Open("", outer).Paths {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is left", dir)
			_ = l.Open("", outer).Remove()
		}
	}
}

// TestUnifiedDevices checks the device program where there is a unified
// hierarchy, be it only the empty one of a hybrid host.
func TestUnifiedDevices(t *testing.T) {
	testutil.RequiresRoot(t)
	dir := "/sys/fs/cgroup"
	if _, err := os.Stat(dir + "/cgroup.procs"); err != nil {
		dir += "/unified"
	}
	if _, err := os.Stat(dir + "/cgroup.procs"); err != nil {
		t.Skip("the host has no unified hierarchy")
	}
	l, err := detectV2(dir)
	if err != nil {
		t.Fatal(err)
	}
	g, _, err := l.Create("", fmt.Sprintf("ejcgroups%d", os.Getpid()), &Limits{
		DenyDevices: true, Devices: []Rule{{'c', 1, 3, "rwm"}, {'c', 5, 0, "rwm"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	}()
	script := "echo $$ > " + g.Paths[""] + "/cgroup.procs; head -c0 /dev/null && echo null; head -c0 /dev/zero || echo no zero"
	out, _ := exec.Command("sh", "-c", script).CombinedOutput()
	if !strings.Contains(string(out), "null\n") || !strings.Contains(string(out), "no zero") {
		t.Errorf("%s", out)
	}
}
