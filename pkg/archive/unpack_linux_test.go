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
)

// entries makes an archive of headers and contents.
func entries(t testing.TB, hdrs ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range hdrs {
		body := h.Xattrs["body"] //nolint:staticcheck // carries the content in these tests
		h.Xattrs = nil           //nolint:staticcheck // see above
		h.Size = int64(len(body))
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func file(name, body string) tar.Header {
	return tar.Header{Name: name, Mode: 0o644, Xattrs: map[string]string{"body": body}} //nolint:staticcheck // see entries
}
func dir(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir} }
func symlink(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
}
func link(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to}
}

// jail makes root with a witness outside of it that no test may change.
func jail(t *testing.T) (root string) {
	t.Helper()
	outer := t.TempDir()
	root = filepath.Join(outer, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	witness := filepath.Join(outer, "witness")
	if err := os.WriteFile(witness, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b, err := os.ReadFile(witness)
		if err != nil || string(b) != "untouched" {
			t.Errorf("the file outside of the root was changed: %q, %v", b, err)
		}
		list, _ := os.ReadDir(outer)
		if len(list) != 2 {
			t.Errorf("something was written outside of the root: %v", list)
		}
	})
	return root
}

func unpack(t *testing.T, root string, data []byte, opt Options) (int64, error) {
	t.Helper()
	opt.NoOwner = opt.NoOwner || os.Geteuid() != 0
	return Unpack(context.Background(), root, bytes.NewReader(data), opt)
}

func TestUnpack_HostileNamesStayInside(t *testing.T) {
	outside := "../witness"
	for name, list := range map[string][]tar.Header{
		"dotdot":             {file("../witness", "evil")},
		"deep dotdot":        {file("a/../../witness", "evil")},
		"link then file":     {symlink("l", ".."), file("l/witness", "evil")},
		"absolute link":      {symlink("l", "/"), file("l/witness", "inside")},
		"two links":          {symlink("a", "b/.."), symlink("b", "../.."), file("a/witness", "x")},
		"link to the file":   {symlink("l", outside), file("l", "evil")},
		"hard link out":      {link("l", outside)},
		"hard link via link": {symlink("d", ".."), link("l", "d/witness"), file("l", "evil")},
		"hard link abs":      {link("l", "/../../witness")},
		"whiteout out":       {file("../.wh.witness", "")},
		"whiteout parent":    {dir("d"), file("d/.wh...", "")},
		"whiteout self":      {dir("d"), file("d/.wh..", "")},
		"whiteout via link":  {symlink("d", ".."), file("d/.wh.witness", "")},
		"opaque via link":    {symlink("d", ".."), file("d/.wh..wh..opq", "")},
		"dir over link":      {symlink("d", ".."), dir("d"), file("d/witness", "x")},
		"proc":               {symlink("d", "/proc/self/root"), file("d/witness", "x")},
		"root as file":       {file(".", "x")},
		"root as link":       {symlink(".", "..")},
		"loop":               {symlink("a", "b"), symlink("b", "a"), file("a/x", "x")},
		"file as directory":  {file("a", "x"), file("a/b", "x")},
		"self hard link":     {file("a", "x"), link("a", "a")},
		"link to dir":        {dir("d"), link("l", "d")},
		"empty link":         {symlink("l", "")},
	} {
		for _, mode := range []Whiteouts{Literal, Apply} {
			t.Run(name, func(t *testing.T) {
				root := jail(t)
				_, err := unpack(t, root, entries(t, list...), Options{Whiteouts: mode})
				if err != nil && !IsInvalid(err) {
					t.Errorf("the archive is at fault, but the error blames the host: %v", err)
				}
			})
		}
	}
}

func TestUnpack_Faults(t *testing.T) {
	good := entries(t, file("a", strings.Repeat("x", 4000)))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"truncated":    {good[:2000], "truncated"},
		"half header":  {good[:300], ""},
		"not an tar":   {bytes.Repeat([]byte("no tar at all "), 100), ""},
		"dotdot":       {entries(t, file("../x", "")), "leads out"},
		"empty target": {entries(t, link("l", "")), "outside"},
		"missing":      {entries(t, link("l", "nothing")), "does not exist"},
		"long name":    {entries(t, file(strings.Repeat("n", 300), "")), "too long"},
		"whiteout":     {entries(t, file(".wh.", "")), "deletes no file"},
		"owner":        {entries(t, tar.Header{Name: "a", Uid: 1 << 33}), "out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := unpack(t, jail(t), c.data, Options{Whiteouts: Apply})
			if !IsInvalid(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a fault of the archive with %q", err, c.want)
			}
		})
	}
}

func TestUnpack_Tree(t *testing.T) {
	root := jail(t)
	size, err := unpack(t, root, entries(t,
		dir("usr/lib"), symlink("lib", "usr/lib"), file("lib/libc.so", "elf"), file("./etc//passwd", "root"),
		link("etc/passwd-", "etc/passwd"), link("l2", "lib/libc.so"), file("/abs", "1"), link("ln-ln", "lib")), Options{})
	if err != nil || size != 8 {
		t.Fatalf("got size %d, %v", size, err)
	}
	for name, want := range map[string]string{"usr/lib/libc.so": "elf", "etc/passwd-": "root", "l2": "elf", "abs": "1"} {
		if b, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if to, err := os.Readlink(filepath.Join(root, "ln-ln")); err != nil || to != "usr/lib" {
		t.Errorf("a hard link to a link became %q, %v", to, err)
	}
}

func TestUnpack_Whiteouts(t *testing.T) {
	root := jail(t)
	if _, err := unpack(t, root, entries(t, file("a/old", "1"), file("a/sub/old", "2"), file("b", "3"),
		file("o/old", "4"), file("o/keep/old", "5")), Options{Whiteouts: Apply}); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(t, root, entries(t, file("a/new", "n"), file(".wh.a", ""), file(".wh.b", ""), file(".wh.none", ""),
		file("o/keep/new", "k"), file("o/.wh..wh..opq", ""), file("o/late", "l")), Options{Whiteouts: Apply}); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if !d.IsDir() {
			rel, _ := filepath.Rel(root, p)
			got = append(got, rel)
		}
		return err
	})
	if want := "a/new o/keep/new o/late"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %v (%v), want %s", got, err, want)
	}
}

func TestUnpack_HugeHeader(t *testing.T) {
	// A PAX header of 100 MB, as a stream that is never in memory.
	head := make([]byte, 512)
	copy(head, "PaxHeaders/x")
	copy(head[100:], "0000644\x000000000\x000000000\x00")
	copy(head[124:], "00575360400\x0000000000000\x00") // 100 MB in octal
	head[156] = tar.TypeXHeader
	copy(head[257:], "ustar\x0000")
	copy(head[148:], "        ")
	var sum int64
	for _, c := range head {
		sum += int64(c)
	}
	copy(head[148:], []byte(octal(sum)))
	rest := &zeros{left: 100 << 20}
	_, err := Unpack(context.Background(), jail(t), io.MultiReader(bytes.NewReader(head), rest), Options{NoOwner: true})
	if !IsInvalid(err) || !errors.Is(err, tar.ErrFieldTooLong) {
		t.Errorf("got %v", err)
	}
	if read := 100<<20 - rest.left; read > 4<<20 {
		t.Errorf("%d bytes of the header were read before refusing it", read)
	}
}

func octal(n int64) string {
	b := []byte("000000\x00 ")
	for i := 5; i >= 0; i-- {
		b[i] = byte('0' + n&7)
		n >>= 3
	}
	return string(b)
}

type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	return int(n), nil
}

func TestUnpack_SparseBomb(t *testing.T) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	body := "1\n0\n0\n"
	body += strings.Repeat("\x00", 512-len(body))
	if err := w.WriteHeader(&tar.Header{Name: "placeholder", Mode: 0o644, Size: 512}); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	// Go's writer refuses sparse records, so the extended header is by hand.
	rec := record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") +
		record("GNU.sparse.name", "bomb") + record("GNU.sparse.realsize", "4611686018427387904")
	ext := rawHeader("ext", int64(len(rec)), tar.TypeXHeader)
	data := append(ext, pad([]byte(rec))...)
	data = append(data, buf.Bytes()...)
	root := jail(t)
	_, err := unpack(t, root, data, Options{})
	if !IsInvalid(err) || !strings.Contains(err.Error(), "file system") {
		t.Errorf("got %v", err)
	}
}

func record(k, v string) string {
	n := len(k) + len(v) + 3
	for {
		s := " " + k + "=" + v + "\n"
		d := itoa(n)
		if len(d)+len(s) == n {
			return d + s
		}
		n = len(d) + len(s)
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func pad(b []byte) []byte {
	for len(b)%512 != 0 {
		b = append(b, 0)
	}
	return b
}

func rawHeader(name string, size int64, kind byte) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	s := []byte("00000000000\x00")
	for i := 10; i >= 0; i-- {
		s[i] = byte('0' + size&7)
		size >>= 3
	}
	copy(h[124:], s)
	copy(h[136:], "00000000000\x00")
	h[156] = kind
	copy(h[257:], "ustar\x0000")
	copy(h[148:], "        ")
	var sum int64
	for _, c := range h {
		sum += int64(c)
	}
	copy(h[148:], octal(sum))
	return h
}

func TestUnpack_Cancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Unpack(ctx, jail(t), bytes.NewReader(entries(t, file("a", "x"))), Options{NoOwner: true})
	if !errors.Is(err, context.Canceled) || IsInvalid(err) {
		t.Errorf("got %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(entries(f, file("a/b", "x"), symlink("l", "/.."), link("l/c", "a/b"), file("l/.wh.a", "")))
	f.Add(entries(f, dir("d"), file("d/.wh..wh..opq", ""), file("../x", "y")))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := Unpack(t.Context(), jail(t), bytes.NewReader(data), Options{Whiteouts: Apply, NoOwner: true})
		if err != nil && !IsInvalid(err) && !errors.Is(err, os.ErrPermission) {
			t.Fatal(err)
		}
	})
}
