package daemon

import (
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestTop(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("top", "nobody"))
	f.create("idle", "sleep 60")
	f.fails(errdefs.KindConflict, f.eng.Job("top", "idle"))
}

func TestParsePS(t *testing.T) {
	out := []byte("UID   PID  CMD\nroot    1 /sbin/init\nroot   42 sh -c  sleep 60\nroot   43 sleep\n")
	r, err := parsePS(out, []int{42, 43})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Titles) != 3 || len(r.Processes) != 2 || r.Processes[0][2] != "sh -c sleep 60" {
		t.Errorf("%+v", r)
	}
	if _, err := parsePS([]byte("CMD\nsh\n"), nil); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("no PID column: %v", err)
	}
	if _, err := parsePS([]byte("PID\nx\n"), nil); err == nil {
		t.Error("a pid that is no number was accepted")
	}
}
