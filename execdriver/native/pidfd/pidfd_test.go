package pidfd

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestZombie(t *testing.T) {
	cmd := exec.Command("sh", "-c", "read x; exit 41")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	started, err := StartTime(pid)
	if err != nil || started == 0 {
		t.Fatalf("start time %d, %v", started, err)
	}
	process, err := Open(pid, started)
	if err != nil {
		t.Fatal(err)
	}
	defer process.Close()
	if other, err := Open(pid, started+1); err == nil {
		other.Close()
		t.Error("another process with the same pid is taken for it")
	}
	if _, over := Zombie(pid, started); over {
		t.Error("a process that runs has ended")
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := process.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := raw.Read(Ended); err != nil {
		t.Fatal(err)
	}
	ws, over := Zombie(pid, started)
	if os.Geteuid() == 0 && (!over || Code(ws) != 41) {
		t.Errorf("ended with %d (%v), want 41", Code(ws), over)
	}
	if _, over := Zombie(pid, started+1); over {
		t.Error("another process with the same pid is taken for it")
	}
	_ = cmd.Wait() // exit 41
	if _, over := Zombie(pid, started); over {
		t.Error("a process that is gone is still told of")
	}
}
