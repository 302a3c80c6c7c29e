package image

import (
	"os"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestParse_Golden(t *testing.T) {
	raw, err := os.ReadFile("testdata/busybox.json")
	if err != nil {
		t.Fatal(err)
	}
	img, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if string(img.Raw) != string(raw) || img.ID != Digest(raw) {
		t.Error("the bytes are not kept")
	}
	if img.OS != "linux" || img.Architecture != "amd64" || len(img.History) != 2 || !img.History[1].EmptyLayer {
		t.Errorf("got %+v", img.Document)
	}
	if len(img.Config.Cmd) != 1 || img.Config.Cmd[0] != "sh" || img.Labels()["a"] != "b" {
		t.Errorf("got config %+v", img.Config)
	}
	if img.ChainID != img.RootFS.DiffIDs[0] {
		t.Errorf("the chain of one layer is %s", img.ChainID)
	}
}

func TestParse_Faults(t *testing.T) {
	for name, raw := range map[string]string{
		"not json":   "hello",
		"wrong type": `{"rootfs":[]}`,
		"bad digest": `{"rootfs":{"type":"layers","diff_ids":["sha256:../../etc"]}}`,
		"upper case": `{"rootfs":{"diff_ids":["sha256:` + strings.Repeat("A", 64) + `"]}}`,
		"huge":       strings.Repeat(" ", MaxConfigSize+1),
	} {
		if _, err := Parse([]byte(raw)); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestNew_RoundTrip(t *testing.T) {
	a, err := New(Document{OS: "linux", Architecture: "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse(a.Raw)
	if err != nil || a.ID != b.ID || b.RootFS.Type != "layers" || a.ChainID != "" {
		t.Errorf("got %+v, %v", b, err)
	}
}

func TestChainIDs(t *testing.T) {
	one, two := Digest([]byte("1")), Digest([]byte("2"))
	got := ChainIDs([]string{one, two})
	if got[0] != one || got[1] != Digest([]byte(one+" "+two)) {
		t.Errorf("got %v", got)
	}
	if ShortID(one) != one[7:19] || ShortID("abc") != "abc" {
		t.Error("ShortID")
	}
}
