package source

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/ignorefile"
)

func spool(t testing.TB, data []byte, opt SpoolOptions) (*Archive, error) {
	t.Helper()
	dir := t.TempDir()
	a, err := Spool(t.Context(), dir, bytes.NewReader(data), opt)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the spool has a name: %v, %v", left, err)
	}
	if err == nil {
		t.Cleanup(func() {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return a, err
}

func list(t testing.TB, a *Archive) string {
	t.Helper()
	root, err := a.Lstat(".")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	if err := Walk(t.Context(), a, root, func(e Entry) error {
		if e.Path != "." {
			paths = append(paths, e.Path)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(paths) != a.Len() {
		t.Errorf("%d files can be reached, %d are known", len(paths), a.Len())
	}
	return strings.Join(paths, " ")
}

// TestSpool_Names: what names and links of an archive do to each other.
func TestSpool_Names(t *testing.T) {
	for what, c := range map[string]struct {
		files [][2]string
		want  string // paths; "!" and a part of the error
	}{
		"absolute":                           {[][2]string{{"/a/b", "x"}}, "a a/b"},
		"unclean":                            {[][2]string{{"./a/./b", "x"}, {"a//c/../d", "y"}}, "a a/b a/d"},
		"out":                                {[][2]string{{"../b", "x"}}, `!"../b" leads out`},
		"out inside":                         {[][2]string{{"a/../../b", "x"}}, "!leads out"},
		"out absolute":                       {[][2]string{{"/../b", "x"}}, "!leads out"},
		"root":                               {[][2]string{{"./", ""}, {"a", "x"}}, "a"},
		"root that is a file":                {[][2]string{{".", "x"}, {"a", "x"}}, "a"},
		"last file wins":                     {[][2]string{{"a", "one"}, {"a", "three"}}, "a"},
		"file over directory":                {[][2]string{{"a/", ""}, {"a/b/c", "x"}, {"a", "three"}}, "a"},
		"directory over file":                {[][2]string{{"a", "x"}, {"a/", ""}, {"a/b", "x"}}, "a a/b"},
		"directory twice":                    {[][2]string{{"a/", ""}, {"a/c", "x"}, {"a/", ""}, {"a/b", "x"}}, "a a/b a/c"},
		"directory over link":                {[][2]string{{"b/", ""}, {"a", "->b"}, {"a/", ""}, {"a/x", ""}}, "a a/x b"},
		"below a file":                       {[][2]string{{"a", "x"}, {"a/b", "x"}}, "!no directory"},
		"below a link":                       {[][2]string{{"b/", ""}, {"a", "->b"}, {"a/x", "x"}}, "a b b/x"},
		"below an absolute one":              {[][2]string{{"b/", ""}, {"c/", ""}, {"c/a", "->/b"}, {"c/a/d/x", "x"}}, "b b/d b/d/x c c/a"},
		"below a link that leads out":        {[][2]string{{"etc/", ""}, {"a", "->../../etc"}, {"a/passwd", "x"}}, "a etc etc/passwd"},
		"below a link that leads nowhere":    {[][2]string{{"a", "->/etc"}, {"a/passwd", "x"}}, "!no directory"},
		"below a link to a file":             {[][2]string{{"f", "x"}, {"a", "->f"}, {"a/x", "x"}}, "!no directory"},
		"below a circle":                     {[][2]string{{"a", "->b"}, {"b", "->a"}, {"a/x", "x"}}, "!no directory"},
		"below many links":                   {[][2]string{{"l", "->."}, {strings.Repeat("l/", 40) + "x", "x"}}, "l x"},
		"below too many links":               {[][2]string{{"l", "->."}, {strings.Repeat("l/", 41) + "x", "x"}}, "!no directory"},
		"below a link that leads to a link":  {[][2]string{{"d/e/", ""}, {"b", "->d"}, {"a", "->b/e"}, {"a/n/x", "x"}}, "a b d d/e d/e/n d/e/n/x"},
		"paths that links make too long":     {[][2]string{{strings.Repeat("d/", 1500) + "x", ""}, {"l", "->" + strings.Repeat("d/", 1500)}, {"l/" + strings.Repeat("d/", 1000) + "x", ""}}, "!path of more than 4095"},
		"another name of nothing":            {[][2]string{{"a", "=b"}}, "!no file before it"},
		"another name of a directory":        {[][2]string{{"b/", ""}, {"a", "=b"}}, "!no file before it"},
		"another name of what is outside":    {[][2]string{{"a", "=../../etc/passwd"}}, "!leads out"},
		"another name of an absolute one":    {[][2]string{{"etc/passwd", "x"}, {"a", "=/etc/passwd"}}, "a etc etc/passwd"},
		"another name of itself":             {[][2]string{{"a", "x"}, {"a", "=a"}}, "a"},
		"another name of a link":             {[][2]string{{"a", "->/etc/passwd"}, {"b", "=a"}}, "a b"},
		"another name through links":         {[][2]string{{"d/f", "x"}, {"l", "->d"}, {"b", "=l/f"}}, "b d d/f l"},
		"no name":                            {[][2]string{{"", "x"}}, ""},
		"a name too long for any file":       {[][2]string{{strings.Repeat("a/", 2100) + "b", "x"}}, "!cannot be a path"},
		"a link too long for any file":       {[][2]string{{"a", "->" + strings.Repeat("b", 5000)}}, "!link to a path of 5000 bytes"},
		"names that are not the file system": {[][2]string{{"a\\b", "x"}, {"C:", "x"}, {"...", "x"}, {"\xff\xfe", "x"}}, "... C: a\\b \xff\xfe"},
	} {
		a, err := spool(t, packed(t, c.files), SpoolOptions{})
		if fault, ok := strings.CutPrefix(c.want, "!"); ok {
			if err == nil || !strings.Contains(err.Error(), fault) || !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got := list(t, a); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}

// TestSpool_Links: names of one file stay together, whatever takes its place.
func TestSpool_Links(t *testing.T) {
	a, err := spool(t, packed(t, [][2]string{{"a", "one"}, {"b", "=a"}, {"a", "three"}, {"c", "=a"}, {"d", "=b"}}), SpoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	inode := map[string]string{}
	for name, text := range map[string]string{"a": "three", "b": "one", "c": "three", "d": "one"} {
		e, err := a.Lstat(name)
		if err != nil || read(t, a, e) != text || e.Inode == "" || e.Size != int64(len(text)) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
		inode[name] = e.Inode
	}
	if inode["a"] != inode["c"] || inode["b"] != inode["d"] || inode["a"] == inode["b"] {
		t.Errorf("%v", inode)
	}
}

// squeeze compresses.
func squeeze(t *testing.T, kind string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	var err error
	switch kind {
	case "gzip":
		w = gzip.NewWriter(&buf)
	case "xz":
		w, err = xz.NewWriter(&buf)
	case "zstd":
		w, err = zstd.NewWriter(&buf)
	case "bzip2":
		program, err := exec.LookPath("bzip2")
		if err != nil {
			return data // not here
		}
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Stdin, cmd.Stdout = bytes.NewReader(data), &buf
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	default:
		return data
	}
	if err == nil {
		_, err = w.Write(data)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestSpool_Compressed(t *testing.T) {
	data := packed(t, sample())
	want := ""
	for _, kind := range []string{"", "gzip", "bzip2", "xz", "zstd"} {
		small := squeeze(t, kind, data)
		a, err := spool(t, small, SpoolOptions{})
		if err != nil {
			t.Errorf("%q: %v", kind, err)
			continue
		}
		if want == "" {
			want = list(t, a)
		}
		e, err := a.Lstat("a/b/c.txt")
		if got := list(t, a); err != nil || got != want || read(t, a, e) != "see" {
			t.Errorf("%q: %q, %v", kind, got, err)
		}
		if kind == "" {
			continue
		}
		if _, err := spool(t, small[:len(small)/2], SpoolOptions{}); !bytes.Equal(small, data) && !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%q cut: %v", kind, err)
		}
	}
}

// TestSpool_Sparse: what GNU tar leaves out is there again.
func TestSpool_Sparse(t *testing.T) {
	program, err := exec.LookPath("tar")
	if err != nil {
		t.Skip("there is no tar here")
	}
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "holes"))
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, 3<<20)
	for at := int64(0); at < int64(len(want)); at += 300_000 {
		copy(want[at:], "something")
		if _, err := f.WriteAt([]byte("something"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Truncate(int64(len(want))), f.Close(), os.WriteFile(filepath.Join(dir, "z"), []byte("after"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"--format=gnu", "--format=pax --sparse-version=0.0", "--format=pax --sparse-version=0.1", "--format=pax --sparse-version=1.0"} {
		args := append(strings.Fields(format), "--sparse", "-c", "-C", dir, "holes", "z")
		data, err := exec.CommandContext(t.Context(), program, args...).Output()
		if err != nil || len(data) > 1<<20 {
			t.Errorf("%s: %d bytes, %v", format, len(data), err)
			continue
		}
		a, err := spool(t, data, SpoolOptions{})
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		for name, want := range map[string]string{"holes": string(want), "z": "after"} {
			e, err := a.Lstat(name)
			if err != nil || read(t, a, e) != want || e.Size != int64(len(want)) {
				t.Errorf("%s: %s: %+v, %v", format, name, e, err)
			}
		}
	}
}

func TestSpool_Faults(t *testing.T) {
	good := packed(t, [][2]string{{"a", strings.Repeat("x", 5000)}, {"b", "y"}})
	number := func(h tar.Header) []byte {
		var buf bytes.Buffer
		h.Name = "n"
		if err := tar.NewWriter(&buf).WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		return append(buf.Bytes(), make([]byte, 1024)...)
	}
	for what, c := range map[string]struct {
		data []byte
		opt  SpoolOptions
		want string
	}{
		"garbage":         {data: bytes.Repeat([]byte("garbage "), 1000), want: "reading the build context"},
		"cut in a file":   {data: good[:3000], want: "unexpected EOF"},
		"cut in a header": {data: good[:len(good)-2000], want: "unexpected EOF"},
		"too large":       {data: good, opt: SpoolOptions{MaxBytes: 4000}, want: "larger than it may be"},
		"bomb":            {data: squeeze(t, "gzip", packed(t, [][2]string{{"a", strings.Repeat("\x00", 5<<20)}})), opt: SpoolOptions{MaxBytes: 1 << 20}, want: "larger than it may be"},
		"endless end":     {data: squeeze(t, "gzip", make([]byte, 5<<20)), opt: SpoolOptions{MaxBytes: 1 << 20}, want: "larger than it may be"},
		"too many":        {data: good, opt: SpoolOptions{MaxEntries: 1}, want: "more than 1 files"},
		"owner":           {data: number(tar.Header{Typeflag: tar.TypeReg, Uid: 1 << 40}), want: "no file can have"},
		"device":          {data: number(tar.Header{Typeflag: tar.TypeChar, Devmajor: -1, Format: tar.FormatGNU}), want: "no file can have"},
		"holes":           {data: petabyte(t), want: "most of them holes"},
		"type":            {data: number(tar.Header{Typeflag: 'Z'}), want: "unknown type"},
	} {
		a, err := spool(t, c.data, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v, %v", what, a, err)
		}
	}
	if _, err := Spool(t.Context(), "/nowhere", bytes.NewReader(good), SpoolOptions{}); err == nil || errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("no directory: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	r, w := io.Pipe()
	go func() {
		_, err := w.Write(good[:1000])
		cancel(errors.New("the client left"))
		w.CloseWithError(errors.Join(err, io.ErrUnexpectedEOF))
	}()
	if _, err := Spool(ctx, t.TempDir(), r, SpoolOptions{}); err == nil || err.Error() != "the client left" {
		t.Errorf("cancelled: %v", err)
	}
}

// petabyte is a file of holes alone, in the old way of GNU tar.
func petabyte(t *testing.T) []byte {
	t.Helper()
	data := packed(t, [][2]string{{"n", ""}})
	h := data[len(data)-1024-512:][:512]
	h[156] = 'S'
	copy(h[257:], "ustar  \x00")
	clear(h[345:512])
	size := []byte{0x80, 0, 0, 0, 0, 0, 3, 0x8d, 0x7e, 0xa4, 0xc6, 0x80} // base 256
	copy(h[386:], size)                                                  // a fragment at the end,
	copy(h[398:], "00000000000\x00")                                     // of no bytes
	copy(h[483:], size)
	sum := 8 * int(' ')
	for i, c := range h {
		if i < 148 || i >= 156 {
			sum += int(c)
		}
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return data
}

func TestArchive_HideIgnoreSub(t *testing.T) {
	a, err := spool(t, packed(t, sample()), SpoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a.Hide("a/b", "none", ".", "sp ace", "a/b/c.txt")
	if got := list(t, a); strings.Contains(got, "a/b") || strings.Contains(got, "sp ace") {
		t.Error(got)
	}
	m, err := ignorefile.Read(strings.NewReader("*\n!a/e*\n!ü\nü/ö\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Ignore(m, "up"); err != nil {
		t.Fatal(err)
	}
	if got := list(t, a); got != "a a/e.txt up ü" {
		t.Error(got)
	}
	if a, err = spool(t, packed(t, sample()), SpoolOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"none", "a/e.txt"} {
		if _, err := a.Sub(name); err == nil {
			t.Errorf("%s is a tree", name)
		}
	}
	if b, err := a.Sub("/"); err != nil || b != a {
		t.Error(err)
	}
	b, err := a.Sub("chain")
	if err != nil {
		t.Fatal(err)
	}
	e, err := Lookup(b, "../c.txt", true)
	if got := list(t, b); err != nil || got != "back c.txt d.go root" || read(t, b, e) != "see" {
		t.Errorf("%q, %v", got, err)
	}
	if e, err := Lookup(b, "back", true); err != nil || e.Path != "." {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestSingle(t *testing.T) {
	a := Single("f", []byte("text"))
	e, err := Lookup(a, "/f", true)
	if err != nil || read(t, a, e) != "text" || list(t, a) != "f" || list(t, Empty()) != "" {
		t.Errorf("%+v, %v", e, err)
	}
	if sum, err := a.Sum(t.Context(), e); err != nil || len(sum) != 64 {
		t.Errorf("%s, %v", sum, err)
	}
	if _, err := Empty().Lstat("f"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestSpool_Deep: paths as long as they can be cost no more than they are long.
func TestSpool_Deep(t *testing.T) {
	var files [][2]string
	for i := range 100 {
		files = append(files, [2]string{strings.Repeat("a/", 1000) + fmt.Sprintf("%d/", i) + strings.Repeat("b/", 1000) + "x", ""})
	}
	data := packed(t, files)
	begin := time.Now()
	a, err := spool(t, data, SpoolOptions{})
	if err != nil || a.Len() != 1000+100*1002 || time.Since(begin) > 5*time.Second {
		t.Fatalf("%v in %v", err, time.Since(begin))
	}
	t.Logf("%v for %d directories", time.Since(begin), a.Len())
}

// headers makes archives of empty files without holding them.
type headers struct {
	left int
	buf  bytes.Buffer
	w    *tar.Writer
}

func (h *headers) Read(p []byte) (int, error) {
	if h.w == nil {
		h.w = tar.NewWriter(&h.buf)
	}
	for h.buf.Len() < len(p) && h.left > 0 {
		h.left--
		if err := h.w.WriteHeader(&tar.Header{Name: fmt.Sprintf("dir%d/file%d", h.left%1000, h.left), Mode: 0o644, ModTime: at}); err != nil {
			return 0, err
		}
	}
	return h.buf.Read(p)
}

// TestSpool_Memory: a file costs less than 200 bytes of memory beside its name.
func TestSpool_Memory(t *testing.T) {
	const files = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	a, err := Spool(t.Context(), t.TempDir(), &headers{left: files}, SpoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / files; each > 200+24 {
		t.Errorf("a file costs %d bytes", each)
	} else {
		t.Logf("a file costs %d bytes with its name", each)
	}
	if a.Len() != files+1000 {
		t.Errorf("%d files", a.Len())
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
