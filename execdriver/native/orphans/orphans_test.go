package orphans

import (
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
