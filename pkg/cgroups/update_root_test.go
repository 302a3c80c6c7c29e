package cgroups

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/testutil"
)

// newGroup makes a group in a parent that ends with the test.
func newGroup(t *testing.T, limits *Limits) *Group {
	t.Helper()
	testutil.RequiresRoot(t)
	l, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	parent := fmt.Sprintf("ejlimits%d", os.Getpid())
	g, warnings, err := l.Create(parent, strings.ToLower(t.Name()), limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(warnings)
	t.Cleanup(func() {
		if err := errors.Join(g.Kill(), g.Remove()); err != nil {
			t.Error(err)
		}
		l.RemoveParents()
	})
	return g
}

// says reads a value by the controller of v1 and the names of its file in both
// versions.
func says(g *Group, controller, v1, v2 string) string {
	if g.V2 {
		text, _ := readValue(g.Paths[""], v2)
		return text
	}
	text, _ := readValue(g.Paths[controller], v1)
	return text
}

// joinGroup runs a shell script in the group.
func joinGroup(t *testing.T, g *Group, script string) *exec.Cmd {
	t.Helper()
	enter := ""
	for _, f := range g.Tasks() {
		enter += "echo 0 > " + f + "; "
	}
	if g.V2 {
		enter = "echo $$ > " + g.Paths[""] + "/cgroup.procs; "
	}
	cmd := exec.Command("sh", "-c", enter+script)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Kill(); _ = cmd.Wait() })
	return cmd
}

// TestUpdateMemory goes up, down and away: memory and swap never cross.
func TestUpdateMemory(t *testing.T) {
	g := newGroup(t, &Limits{Memory: 64 << 20, MemorySwap: 128 << 20})
	steps := []Limits{
		{Memory: 256 << 20, MemorySwap: 512 << 20}, // above the old sum
		{Memory: 32 << 20, MemorySwap: 32 << 20},
		{MemorySwap: 96 << 20},
		{Memory: 48 << 20, MemorySwap: 96 << 20},
		{Memory: 100 << 20, MemorySwap: -1},
		{Memory: -1, MemorySwap: -1},
		{Memory: 16 << 20},
	}
	want := int64(0)
	for _, s := range steps {
		if _, err := g.Update(&s); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		if s.Memory != 0 {
			want = s.Memory
		}
		got := says(g, "memory", "memory.limit_in_bytes", "memory.max")
		if want > 0 && got != num(want) || want < 0 && got == num(16<<20) {
			t.Errorf("%+v: memory is %s", s, got)
		}
	}
}

// TestUpdateIsAllOrNothing: the last of several changes cannot be made.
func TestUpdateIsAllOrNothing(t *testing.T) {
	g := newGroup(t, &Limits{Memory: 64 << 20, CPUShares: 512, PidsLimit: 10})
	_, err := g.Update(&Limits{Memory: 32 << 20, CPUShares: 100, PidsLimit: 5, CpusetCpus: "4000"})
	if err == nil || !strings.Contains(err.Error(), "the set of cpus cannot be set to 4000") {
		t.Fatal(err)
	}
	if got := says(g, "memory", "memory.limit_in_bytes", "memory.max"); got != num(64<<20) {
		t.Errorf("memory is %s", got)
	}
	if got := says(g, "pids", "pids.max", "pids.max"); got != "10" {
		t.Errorf("pids.max is %s", got)
	}
	if got := says(g, "cpu", "cpu.shares", "cpu.weight"); got != "512" && got != num(weightOfShares(512)) {
		t.Errorf("shares are %s", got)
	}
}

// TestUpdateBelowUse: memory that its members hold cannot be taken.
func TestUpdateBelowUse(t *testing.T) {
	g := newGroup(t, &Limits{Memory: 128 << 20, MemorySwap: 128 << 20})
	joinGroup(t, g, "x=$(head -c 30000000 /dev/zero | tr '\\0' a); sleep 60; true")
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if s, err := g.Stats(); err != nil || time.Now().After(end) {
			t.Fatal("no memory was used", err)
		} else if s.Memory.Usage > 30e6 {
			break
		}
	}
	_, err := g.Update(&Limits{Memory: 10 << 20, MemorySwap: 10 << 20})
	if !errors.Is(err, unix.EBUSY) {
		t.Errorf("taken: %v", err)
	}
	if got := says(g, "memory", "memory.limit_in_bytes", "memory.max"); got != num(128<<20) {
		t.Errorf("memory is %s", got)
	}
	if n := g.OOMKills(); n != 0 {
		t.Errorf("%d were killed", n)
	}
}

func TestUpdateCPU(t *testing.T) {
	g := newGroup(t, &Limits{CPUPeriod: 100000, CPUQuota: 50000})
	for _, s := range []Limits{
		{CPUPeriod: 1000, CPUQuota: 1000}, {CPUPeriod: 1000000, CPUQuota: 900000}, {CPUQuota: 20000},
		{CPUShares: 77, CpusetCpus: "0", CpusetMems: "0", PidsLimit: 7}, {CPUQuota: -1, PidsLimit: -1},
	} {
		if warnings, err := g.Update(&s); err != nil || len(warnings) > 0 {
			t.Fatalf("%+v: %v %v", s, warnings, err)
		}
	}
	if got := says(g, "cpu", "cpu.cfs_quota_us", "cpu.max"); got != "-1" && got != "max 1000000" {
		t.Errorf("quota %s", got)
	}
	if got := says(g, "cpuset", "cpuset.cpus", "cpuset.cpus"); got != "0" {
		t.Errorf("cpus %s", got)
	}
	if got := says(g, "pids", "pids.max", "pids.max"); got != "max" {
		t.Errorf("pids %s", got)
	}
}

// TestDeviceLimits throttles the disk of the root directory, if it is on one.
func TestDeviceLimits(t *testing.T) {
	testutil.RequiresRoot(t)
	b, err := os.ReadFile("/sys/block/vda/dev")
	if err != nil {
		t.Skip("the host has no /dev/vda")
	}
	var major, minor int64
	if _, err := fmt.Sscanf(string(b), "%d:%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	d := ThrottleDevice{Major: major, Minor: minor, Rate: 1 << 20}
	g := newGroup(t, &Limits{BlkioWeight: 300, BlkioDeviceReadBps: []ThrottleDevice{d},
		BlkioWeightDevice: []WeightDevice{{Major: major, Minor: minor, Weight: 200}}})
	device := fmt.Sprintf("%d:%d ", major, minor)
	if got := says(g, "blkio", "blkio.throttle.read_bps_device", "io.max"); !strings.HasPrefix(got, device) || !strings.Contains(got, "1048576") {
		t.Errorf("read rate: %q", got)
	}
	gone := d
	gone.Rate = 0
	_, err = g.Update(&Limits{BlkioDeviceReadBps: []ThrottleDevice{gone}, BlkioDeviceWriteIOps: []ThrottleDevice{d}})
	if err != nil {
		t.Fatal(err)
	}
	if got := says(g, "blkio", "blkio.throttle.read_bps_device", "io.max"); strings.Contains(got, "rbps=1048576") || !g.V2 && got != "" {
		t.Errorf("read rate: %q", got)
	}
	bad := ThrottleDevice{Major: 4000, Minor: 1, Rate: 5}
	if _, err := g.Update(&Limits{BlkioDeviceWriteIOps: []ThrottleDevice{bad}}); err == nil || !strings.Contains(err.Error(), "device 4000:1") {
		t.Errorf("a device that is none: %v", err)
	}
}

func TestStats(t *testing.T) {
	g := newGroup(t, &Limits{Memory: 64 << 20, PidsLimit: 20, CPUPeriod: 10000, CPUQuota: 2000})
	joinGroup(t, g, "while :; do :; done")
	time.Sleep(300 * time.Millisecond)
	s, err := g.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if s.CPU.Total < uint64(10*time.Millisecond) || s.CPU.Periods == 0 || s.CPU.Throttled == 0 || s.CPU.ThrottledTime == 0 {
		t.Errorf("cpu %+v", s.CPU)
	}
	if s.Memory.Usage == 0 && !g.V2 || s.Memory.Limit != 64<<20 || len(s.Memory.Stats) < 20 {
		t.Errorf("memory %+v", s.Memory)
	}
	if s.Pids.Current != 1 || s.Pids.Limit != 20 || s.Read.IsZero() {
		t.Errorf("%+v", s)
	}
	began := time.Now()
	for range 100 {
		if _, err := g.Stats(); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began) / 100; took > 2*time.Millisecond && !testing.Short() {
		t.Errorf("a sample takes %v", took)
	} else {
		t.Log("a sample takes", took)
	}
	gone := &Group{V2: g.V2, Paths: map[string]string{}}
	for c, dir := range g.Paths {
		gone.Paths[c] = dir + "gone"
	}
	if _, err := gone.Stats(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a group that is gone: %v", err)
	}
}
