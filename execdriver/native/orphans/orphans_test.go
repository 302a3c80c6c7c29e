package orphans

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

func TestDead(t *testing.T) {
	dead, live := exec.Command("true"), exec.Command("sleep", "60")
	for _, c := range []*exec.Cmd{dead, live} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(5 * time.Second); !slices.Contains(Dead(), dead.Process.Pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is not seen")
		}
	}
	if slices.Contains(Dead(), live.Process.Pid) {
		t.Error("one that lives is called dead")
	}
	if Parent(live.Process.Pid) != os.Getpid() || Parent(dead.Process.Pid) != os.Getpid() {
		t.Error("they have other parents")
	}
	if Nested(live.Process.Pid) || Nested(1<<30) || Parent(1<<30) != 0 {
		t.Error("it is in no other namespace, and the last one is no process")
	}
	if err := dead.Wait(); err != nil {
		t.Errorf("looking has taken the status away: %v", err)
	}
	if slices.Contains(Dead(), dead.Process.Pid) {
		t.Error("one that was collected is still seen")
	}
	if err := live.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = live.Wait() // killed
}
