package cgroups

import (
	"os/exec"
	"testing"
	"time"
)

// TestOOMWatch: a child is killed, its parent lives on and is told of again.
func TestOOMWatch(t *testing.T) {
	g := newGroup(t, &Limits{Memory: 16 << 20, MemorySwap: 16 << 20})
	told := make(chan string, 10)
	w, err := NewOOMWatch(func(name string) { told <- name })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add("one", g); err != nil {
		t.Fatal(err)
	}
	hog := "tail /dev/zero"
	joinGroup(t, g, hog+"; sleep 0.5; "+hog+"; sleep 60")
	for range 2 {
		select {
		case name := <-told:
			if name != "one" {
				t.Error(name)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was told", g.OOMKills())
		}
	}
	if n := g.OOMKills(); n != 2 {
		t.Errorf("%d kills", n)
	}
	if err := g.Kill(); err != nil {
		t.Error(err)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if g.V2 { // the kernel does not always tell that the file has gone
		w.Remove("one")
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		w.mu.Lock()
		left := len(w.byName)
		w.mu.Unlock()
		if left == 0 {
			break
		}
		if time.Now().After(end) {
			t.Error("a group that is gone is still watched")
			break
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if len(told) > 0 {
		t.Error("told too often")
	}
}

// TestForkBomb: the limit holds, and the group can be removed.
func TestForkBomb(t *testing.T) {
	g := newGroup(t, &Limits{PidsLimit: 60, CPUPeriod: 100000, CPUQuota: 20000})
	bomb := joinGroup(t, g, "b() { b | b & }; b 2>/dev/null; sleep 60")
	time.Sleep(500 * time.Millisecond)
	s, err := g.Stats()
	if err != nil || s.Pids.Current > 60 {
		t.Errorf("%+v %v", s, err)
	}
	if out, err := exec.Command("true").CombinedOutput(); err != nil {
		t.Errorf("the host cannot start a process: %v %s", err, out)
	}
	began := time.Now()
	for range 20 { // it grows while it is killed
		if err = g.Kill(); err == nil {
			if pids, _ := g.Pids(); len(pids) == 0 {
				break
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = bomb.Wait()
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("its end took %v", took)
	}
}
