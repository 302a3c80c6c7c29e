package integration

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// Archives that mean harm, through the real import: nothing is ever written
// outside of the layer, and what is refused leaves nothing behind.

type entry struct {
	name, link, data string
	kind             byte
	pax              map[string]string
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{
			Name: e.name, Linkname: e.link, Typeflag: e.kind, Mode: 0o644, Size: int64(len(e.data)),
			PAXRecords: e.pax, Devmajor: 1, Devminor: 1,
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sparseBomb is a header that claims a file of 2^62 bytes and brings none.
func sparseBomb() []byte {
	h := make([]byte, 512)
	copy(h, "sparse")
	copy(h[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00")
	h[156] = 'S'
	copy(h[257:], "ustar  \x00")
	copy(h[386:], "\x80\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x0000000000000\x00")
	copy(h[483:], "\x80\x00\x00\x00\x40\x00\x00\x00\x00\x00\x00\x00")
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	digits := []byte("000000\x00 ")
	for i := 5; i >= 0; i, sum = i-1, sum/8 {
		digits[i] += byte(sum % 8)
	}
	copy(h[148:], digits)
	return append(h, make([]byte, 1024)...)
}

func TestHostileArchives(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Mkdir(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 20)
	large := archive(t, entry{name: "file", data: strings.Repeat("x", 100000), kind: tar.TypeReg})
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	if _, err := zip.Write(large[:len(large)-90000]); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	before := tree(t, d.Root)
	for name, c := range map[string]struct {
		data []byte
		ok   bool // taken, because it can be understood in a harmless way
	}{
		"dots":             {data: archive(t, entry{name: up + outside[1:] + "/evil", kind: tar.TypeReg})},
		"absolute":         {ok: true, data: archive(t, entry{name: outside + "/evil", data: "x", kind: tar.TypeReg})},
		"link-then-file":   {ok: true, data: archive(t, entry{name: "a", link: outside, kind: tar.TypeSymlink}, entry{name: "a/evil", kind: tar.TypeReg})},
		"dots-then-file":   {ok: true, data: archive(t, entry{name: "a", link: up + outside[1:], kind: tar.TypeSymlink}, entry{name: "a/evil", kind: tar.TypeReg})},
		"hard-absolute":    {data: archive(t, entry{name: "a", link: victim, kind: tar.TypeLink}, entry{name: "b", kind: tar.TypeReg})},
		"hard-dots":        {data: archive(t, entry{name: "a", link: up + victim[1:], kind: tar.TypeLink})},
		"write-by-symlink": {ok: true, data: archive(t, entry{name: "a", link: victim, kind: tar.TypeSymlink}, entry{name: "b", link: "a", kind: tar.TypeLink}, entry{name: "b", data: "pwned", kind: tar.TypeReg})},
		"device":           {ok: true, data: archive(t, entry{name: "mem", kind: tar.TypeChar})},
		"whiteout":         {data: archive(t, entry{name: ".wh..", kind: tar.TypeReg})},
		"long-name":        {data: archive(t, entry{name: strings.Repeat("a/", 3000) + "x", kind: tar.TypeReg})},
		"huge-header":      {data: archive(t, entry{name: "a", kind: tar.TypeReg, pax: map[string]string{"comment": strings.Repeat("z", 900<<10)}})[:700<<10]},
		"truncated":        {data: large[:60000]},
		"torn-gzip":        {data: bomb.Bytes()},
		"garbage":          {data: bytes.Repeat([]byte("\xff\x00garbage"), 500)},
		"empty":            {data: nil},
		"sparse-bomb":      {data: sparseBomb()},
	} {
		t.Run(name, func(t *testing.T) {
			r := d.DockerStdin(bytes.NewReader(c.data), "import", "-", "hostile")
			if (r.Code == 0) != c.ok {
				t.Fatalf("taken %v, want %v: %s", r.Code == 0, c.ok, r)
			}
			if r.Code == 0 {
				d.Must(t, "rmi", "hostile")
			} else if strings.Count(strings.TrimSpace(r.Stderr), "\n") > 0 || r.Stderr == "" || len(r.Stderr) > 1000 {
				t.Errorf("not one sentence: %q", r.Stderr)
			}
			if left, _ := os.ReadDir(outside); len(left) != 1 {
				t.Errorf("written outside of the layer: %v", left)
			}
			if text, err := os.ReadFile(victim); err != nil || string(text) != "untouched" {
				t.Errorf("a file of the host: %q, %v", text, err)
			}
		})
	}
	if !daemonproc.Poll(5*time.Second, func() bool { return tree(t, d.Root) == before }) {
		t.Errorf("before:\n%s\nafter:\n%s", before, tree(t, d.Root))
	}
	stillServes(t, d)
}

// tree lists what a daemon keeps of images: layers, documents, temp files.
func tree(t *testing.T, root string) string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"tmp/*", "overlay/*", "image/*/*", "image/*/*/*/*"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	return strings.Join(names, "\n")
}
