package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func names(t *testing.T, data []byte) []string {
	t.Helper()
	var list []string
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, h.Name)
	}
}

func TestPack_RoundTrip(t *testing.T) {
	from, to := jail(t), jail(t)
	if _, err := unpack(t, from, entries(t, dir("d"), file("d/f", "content"), symlink("d/l", "/etc"), link("h", "d/f"),
		tar.Header{Name: "fifo", Typeflag: tar.TypeFifo, Mode: 0o600}, file(strings.Repeat("long/", 60)+"f", "deep"),
		file("späce näme", "utf8")), Options{}); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := Pack(context.Background(), &buf, from, PackOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(t, to, buf.Bytes(), Options{}); err != nil {
		t.Fatal(err)
	}
	diff, err := Compare(context.Background(), from, to)
	if err != nil || len(diff) != 0 {
		t.Errorf("the copy differs: %v, %v", diff, err)
	}
	a, _ := os.Stat(filepath.Join(to, "d/f"))
	b, _ := os.Stat(filepath.Join(to, "h"))
	if !os.SameFile(a, b) {
		t.Error("the hard link was lost")
	}
}

func TestPack_DeepTree(t *testing.T) {
	root := jail(t)
	deep := strings.Repeat("d/", 300)
	if err := os.MkdirAll(filepath.Join(root, deep), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "d/d/z"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := Pack(context.Background(), &buf, root, PackOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := names(t, buf.Bytes()); len(got) != 301 {
		t.Errorf("%d entries, want 301", len(got))
	}
}

func TestPack_OnlyAndDeleted(t *testing.T) {
	root := jail(t)
	if _, err := unpack(t, root, entries(t, file("a/b", "1"), file("a/c", "2"), file("x", "3")), Options{}); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	err := Pack(context.Background(), &buf, root, PackOptions{Only: []string{"a", "a/c", "gone"}, Deleted: []string{"a/d", "e"}})
	if got := strings.Join(names(t, buf.Bytes()), " "); err != nil || got != "a/ a/c a/.wh.d .wh.e" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestStream_CloseEarly(t *testing.T) {
	root := jail(t)
	if err := os.WriteFile(filepath.Join(root, "big"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Stream(context.Background(), root, PackOptions{})
	if _, err := s.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Fatal("Close hangs")
	}
}

func TestCompare(t *testing.T) {
	before, now := jail(t), jail(t)
	base := []tar.Header{file("same", "1"), file("mod", "1"), file("gone", "1"), file("dir/gone", "1"), file("dir2/x", "1"), file("type/x", "1")}
	for _, d := range []string{before, now} {
		if _, err := unpack(t, d, entries(t, base...), Options{}); err != nil {
			t.Fatal(err)
		}
		for _, n := range []string{"dir", "dir2", "type"} {
			_ = os.Chtimes(filepath.Join(d, n), time.Unix(5, 0), time.Unix(5, 0))
		}
	}
	if _, err := unpack(t, now, entries(t, file("mod", "22"), file(".wh.gone", ""), file("dir/.wh.gone", ""), file("new", "1"),
		file("type", "now a file")), Options{Whiteouts: Apply}); err != nil {
		t.Fatal(err)
	}
	got, err := Compare(context.Background(), before, now)
	want := []Change{{"dir", Modified}, {"dir/gone", Deleted}, {"gone", Deleted}, {"mod", Modified}, {"new", Added}, {"type", Modified}}
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %v, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
}
