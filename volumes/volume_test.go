package volumes

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestCreateIsKept(t *testing.T) {
	s := open(t)
	spec := Spec{Labels: map[string]string{"a": "b"}, Options: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}
	v, made, err := s.Create("data", spec)
	if err != nil || !made || v.Driver != DriverLocal || v.Created.IsZero() {
		t.Fatalf("%+v, %v, %v", v, made, err)
	}
	if _, made, err := s.Create("data", Spec{}); err != nil || made {
		t.Errorf("once more: %v, %v", made, err)
	}
	if _, _, err := s.Create("data", Spec{Options: map[string]string{"type": "nfs", "device": ":/x"}}); !errdefs.IsConflict(err) {
		t.Errorf("with other options: %v", err)
	}
	again, err := New(s.root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Get("data")
	if err != nil || !maps.Equal(got.Labels, spec.Labels) || !maps.Equal(got.Options, spec.Options) || !got.Created.Equal(v.Created) {
		t.Errorf("read back: %+v, %v", got, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		name, text string
		spec       Spec
		kind       errdefs.Kind
	}{
		{"v", "volume name is too short", Spec{}, errdefs.KindInvalidArgument},
		{"a/b", `"a/b" includes invalid characters for a local volume name`, Spec{}, errdefs.KindInvalidArgument},
		{"data", `invalid option: "size"`, Spec{Options: map[string]string{"size": "1"}}, errdefs.KindInvalidArgument},
		{"data", `missing required option: "device"`, Spec{Options: map[string]string{"type": "nfs"}}, errdefs.KindInvalidArgument},
		{"data", `plugin "far" not found`, Spec{Driver: "far"}, errdefs.KindNotFound},
	} {
		if _, _, err := s.Create(c.name, c.spec); errdefs.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s %+v: %v, want %q", c.name, c.spec, err, c.text)
		}
	}
	if list := s.List(); len(list) != 0 {
		t.Errorf("left: %v", list)
	}
}

// TestOldAndHalf opens what an earlier engine left, and what a kill left of a
// create and of a removal.
func TestOldAndHalf(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"plain/_data", "half", "sample/_data"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("testdata/volume-1.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "sample/volume.json"), golden, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range s.List() {
		names = append(names, v.Name)
	}
	if got := strings.Join(names, " "); got != "plain sample" {
		t.Errorf("volumes %q", got)
	}
	if _, err := os.Stat(filepath.Join(root, "half")); !os.IsNotExist(err) {
		t.Errorf("half a volume is left: %v", err)
	}
	v, err := s.Get("sample")
	if err != nil || v.Labels["tier"] != "db" || v.Options["type"] != "nfs" || v.Created.Year() != 2026 {
		t.Errorf("%+v, %v", v, err)
	}
}
