//go:build linux

package mount

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/pkg/testutil"
)

func TestPerform_OverlayBeyondAPage(t *testing.T) {
	testutil.RequiresRoot(t)
	base := t.TempDir()
	var lower []string
	for i := range 128 {
		d := filepath.Join(base, fmt.Sprintf("%s-%03d", strings.Repeat("x", 40), i))
		if err := os.MkdirAll(filepath.Join(d, fmt.Sprint(i)), 0o755); err != nil {
			t.Fatal(err)
		}
		lower = append(lower, d)
	}
	target := filepath.Join(base, "target")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	m := Mount{Type: "overlay", Source: "overlay", Options: []string{"ro", "lowerdir=" + strings.Join(lower, ":")}}
	if err := All([]Mount{m}, target); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := Unmount(target); err != nil {
			t.Error(err)
		}
	}()
	if list, err := os.ReadDir(target); err != nil || len(list) != 128 {
		t.Errorf("%d names in the overlay, want 128 (%v)", len(list), err)
	}
}

func TestAll_UndoesOnFailure(t *testing.T) {
	testutil.RequiresRoot(t)
	target := t.TempDir()
	err := All([]Mount{{Type: "tmpfs", Source: "tmpfs"}, {Type: "tmpfs", Source: "tmpfs", Target: "/missing"}}, target)
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("got %v", err)
	}
	if b, _ := os.ReadFile("/proc/self/mounts"); strings.Contains(string(b), target) {
		t.Error("a mount was left")
	}
}
