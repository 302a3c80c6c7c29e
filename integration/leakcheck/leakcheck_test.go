package leakcheck

import (
	"os"
	"slices"
	"testing"
	"time"
)

func TestLeftFileIsFound(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	before := Take()
	left, err := os.CreateTemp(os.TempDir(), "left") // as Take sees it
	if err != nil {
		t.Fatal(err)
	}
	left.Close()
	if got := Take().Since(before); !slices.Contains(got, "file "+left.Name()) {
		t.Errorf("the left file is not reported: %q", got)
	}
	if err := os.Remove(left.Name()); err != nil {
		t.Fatal(err)
	}
	for _, line := range Wait(before, time.Second) {
		if line == "file "+left.Name() {
			t.Errorf("still reported: %s", line)
		}
	}
}

func TestSinceReportsNewLinesOnly(t *testing.T) {
	before := Snapshot{"link lo": true, "link gone": true}
	after := Snapshot{"link lo": true, "link vethB": true, "link vethA": true}
	got := after.Since(before)
	if !slices.Equal(got, []string{"link vethA", "link vethB"}) {
		t.Errorf("got %q", got)
	}
}
