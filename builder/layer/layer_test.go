package layer_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/builder/layer"
	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
)

// file is an entry of a test's archive: "d" directories, "l" links, "h" names of
// the same file, "f" files.
type file struct {
	kind, name, text string
	mode             int64
	uid              int
}

func tree(t *testing.T, files ...file) source.Tree {
	t.Helper()
	a, err := source.Spool(t.Context(), t.TempDir(), packed(t, files...), source.SpoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func packed(t *testing.T, files ...file) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Uid: f.uid, Gid: f.uid, Typeflag: tar.TypeReg}
		switch f.kind {
		case "d":
			h.Typeflag = tar.TypeDir
		case "l":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.text
		case "h":
			h.Typeflag, h.Linkname = tar.TypeLink, f.text
		default:
			h.Size = int64(len(f.text))
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(tw, f.text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// from finds sources as a build does.
func from(t *testing.T, tr source.Tree, names ...string) (list []layer.Source) {
	t.Helper()
	for _, name := range names {
		e, err := source.Lookup(tr, name, true)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, layer.Source{Tree: tr, Path: name, Entry: e})
	}
	return list
}

// written lists an archive: "path mode uid:gid", and "-> target" or "= other".
func written(t *testing.T, p *layer.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	again := bytes.Clone(b.Bytes())
	var lines []string
	for tr := tar.NewReader(&b); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s %o %d:%d", h.Name, h.Mode, h.Uid, h.Gid)
		switch h.Typeflag {
		case tar.TypeSymlink:
			line += " -> " + h.Linkname
		case tar.TypeLink:
			line = h.Name + " = " + h.Linkname
		}
		lines = append(lines, line)
	}
	var second bytes.Buffer
	if err := p.Write(t.Context(), &second); err != nil || !bytes.Equal(second.Bytes(), again) {
		t.Errorf("the same plan gives other bytes: %v", err)
	}
	return strings.Join(lines, "\n")
}

var contextFiles = []file{
	{"f", "f", "file", 0o640, 7}, {"f", "x", "run", 0o755, 0}, {"d", "d", "", 0o700, 5}, {"f", "d/a", "1", 0, 7}, {"h", "d/b", "d/a", 0, 0},
	{"l", "d/l", "a", 0o777, 0}, {"d", "d/sub", "", 0o711, 0}, {"f", "d/sub/c.txt", "2", 0, 0}, {"l", "dl", "d", 0o777, 0}, {"l", "fl", "d/a", 0o777, 0},
}

var imageFiles = []file{
	{"d", "etc", "", 0o755, 0}, {"f", "etc/passwd", "root:x:0:0::/:\nsue:x:1000:100::/:\n", 0, 0}, {"f", "etc/group", "root:x:0:\nstaff:x:50:\n", 0, 0},
	{"d", "there", "", 0o711, 9}, {"l", "link", "there", 0o777, 0}, {"l", "abs", "/there/in", 0o777, 0}, {"f", "file", "x", 0, 0},
	{"l", "nowhere", "not/yet", 0o777, 0}, {"l", "up", "../../there", 0o777, 0},
}

func TestPlan(t *testing.T) {
	context, below := tree(t, contextFiles...), tree(t, imageFiles...)
	for _, c := range []struct {
		name    string
		sources []string
		req     layer.Request
		want    string
	}{
		{"a file", []string{"f"}, layer.Request{Dest: "/new"}, "new 640 0:0"},
		{"into a directory", []string{"f"}, layer.Request{Dest: "/there"}, "there/ 711 9:9\nthere/f 640 0:0"},
		{"into one that is made", []string{"f"}, layer.Request{Dest: "/a/b/"}, "a/ 755 0:0\na/b/ 755 0:0\na/b/f 640 0:0"},
		{"below the working directory", []string{"f"}, layer.Request{Dest: ".", WorkingDir: "/there"}, "there/ 711 9:9\nthere/f 640 0:0"},
		{"through a link", []string{"f"}, layer.Request{Dest: "/link/"}, "there/ 711 9:9\nthere/f 640 0:0"},
		{"through links that lead to what is missing", []string{"f"}, layer.Request{Dest: "/nowhere/x"}, "not/ 755 0:0\nnot/yet/ 755 0:0\nnot/yet/x 640 0:0"},
		{"through one that leads up", []string{"f"}, layer.Request{Dest: "/up/"}, "there/ 711 9:9\nthere/f 640 0:0"},
		{"through an absolute one", []string{"f"}, layer.Request{Dest: "/abs"}, "there/ 711 9:9\nthere/in 640 0:0"},
		{"several", []string{"f", "x"}, layer.Request{Dest: "/m/"}, "m/ 755 0:0\nm/f 640 0:0\nm/x 755 0:0"},
		{
			"a directory", []string{"d"}, layer.Request{Dest: "/new"},
			"new/ 755 0:0\nnew/a 644 0:0\nnew/b = new/a\nnew/l 777 0:0 -> a\nnew/sub/ 711 0:0\nnew/sub/c.txt 644 0:0",
		},
		{"a link to a file", []string{"fl"}, layer.Request{Dest: "/there/"}, "there/ 711 9:9\nthere/fl 644 0:0"},
		{"owners", []string{"f"}, layer.Request{Dest: "/a/", Chown: "sue:staff"}, "a/ 755 1000:50\na/f 640 1000:50"},
		{"an owner by name alone", []string{"f"}, layer.Request{Dest: "/a", Chown: "sue"}, "a 640 1000:1000"},
		{"owners by number", []string{"f"}, layer.Request{Dest: "/a", Chown: "12:34"}, "a 640 12:34"},
		{"owners that stay", []string{"d/sub", "f"}, layer.Request{Dest: "/a/", Keep: true}, "a/ 755 0:0\na/c.txt 644 0:0\na/f 640 7:7"},
		{"modes", []string{"f"}, layer.Request{Dest: "/a/", Chmod: "711"}, "a/ 755 0:0\na/f 711 0:0"},
		{"symbolic modes", []string{"d/sub"}, layer.Request{Dest: "/a/", Chmod: "u=rwX,go=rX"}, "a/ 755 0:0\na/c.txt 644 0:0"},
		{"without the image", []string{"f"}, layer.Request{Dest: "/link/", Link: true}, "link/ 755 0:0\nlink/f 640 0:0"},
		{"left out", []string{"d"}, layer.Request{Dest: "/n", Exclude: []string{"**/*.txt", "b", "l"}}, "n/ 755 0:0\nn/a 644 0:0\nn/sub/ 711 0:0"},
		{"with parents", []string{"d/sub/c.txt"}, layer.Request{Dest: "/n/", Parents: true}, "n/ 755 0:0\nn/d/ 700 0:0\nn/d/sub/ 711 0:0\nn/d/sub/c.txt 644 0:0"},
	} {
		req := c.req
		req.Instruction, req.Sources, req.Below = "COPY", from(t, context, c.sources...), below
		p, err := layer.NewPlan(t.Context(), req)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := written(t, p); got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
}

func TestPlan_Faults(t *testing.T) {
	context, below := tree(t, append(contextFiles, file{"f", ".wh.x", "", 0, 0})...), tree(t, imageFiles...)
	for _, c := range []struct {
		sources []string
		req     layer.Request
		want    string
	}{
		{nil, layer.Request{Dest: "/"}, "no source files were specified"},
		{[]string{"f", "x"}, layer.Request{Dest: "/new"}, "the destination must be a directory and end with a /"},
		{[]string{"f"}, layer.Request{Dest: "/file/"}, "cannot copy to non-directory"},
		{[]string{"f"}, layer.Request{Dest: "/file/x"}, "cannot copy to non-directory"},
		{[]string{"d"}, layer.Request{Dest: "/file"}, "cannot copy to non-directory"},
		{[]string{"f"}, layer.Request{Dest: "/a", Chown: "nobody"}, "nobody"},
		{[]string{"f"}, layer.Request{Dest: "/a", Chown: "sue:none"}, "none"},
		{[]string{"f"}, layer.Request{Dest: "/a", Chown: "a:b:c"}, "invalid chown"},
		{[]string{"f"}, layer.Request{Dest: "/a", Chmod: "9"}, "invalid chmod"},
		{[]string{"f"}, layer.Request{Dest: "/a", Chmod: "u+q"}, "invalid chmod"},
		{[]string{"f"}, layer.Request{Dest: "/a", Chmod: "77777"}, "invalid chmod"},
		{[]string{"f"}, layer.Request{Dest: "/a", Exclude: []string{"[a"}}, "exclude"},
		{[]string{".wh.x"}, layer.Request{Dest: "/a/"}, ".wh."},
	} {
		req := c.req
		req.Instruction, req.Sources, req.Below = "COPY", from(t, context, c.sources...), below
		_, err := layer.NewPlan(t.Context(), req)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %+v: %v, want %s", c.sources, c.req, err, c.want)
		} else if kind := errdefs.KindOf(err); kind != errdefs.KindInvalidArgument && kind != errdefs.KindNotFound {
			t.Errorf("%v is %v", err, kind)
		}
	}
}

// TestUnpack: ADD unpacks archives, and copies what only looks like one.
func TestUnpack(t *testing.T) {
	inner := packed(t, file{"d", "./", "", 0o700, 3}, file{"f", "./in", "1", 0o4755, 3}, file{"h", "again", "in", 0, 0}, file{"l", "out", "../../x", 0o777, 3})
	context := tree(t, file{"f", "a.tar", inner.String(), 0, 0}, file{"f", "no.tar", "text", 0, 0})
	sources := from(t, context, "a.tar")
	sources[0].Unpack = true
	p, err := layer.NewPlan(t.Context(), layer.Request{Instruction: "ADD", Sources: sources, Dest: "/to", Below: source.Empty()})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := written(t, p), "to/ 755 0:0\nto/in 4755 3:3\nto/again = to/in\nto/out 777 3:3 -> ../../x"; got != want {
		t.Errorf("%s", got)
	}
	sources = from(t, context, "no.tar")
	sources[0].Unpack = true
	if p, err = layer.NewPlan(t.Context(), layer.Request{Instruction: "ADD", Sources: sources, Dest: "/to/", Below: source.Empty()}); err != nil {
		t.Fatal(err)
	}
	if got := written(t, p); got != "to/ 755 0:0\nto/no.tar 644 0:0" {
		t.Errorf("%s", got)
	}
}

func TestUnpack_Hostile(t *testing.T) {
	for _, f := range []file{{"f", "../out", "1", 0, 0}, {"h", "in", "../../etc/passwd", 0, 0}, {"f", ".wh.in", "", 0, 0}, {"f", "a/../../out", "1", 0, 0}} {
		context := tree(t, file{"f", "a.tar", packed(t, file{"f", "in", "1", 0, 0}, f).String(), 0, 0})
		sources := from(t, context, "a.tar")
		sources[0].Unpack = true
		p, err := layer.NewPlan(t.Context(), layer.Request{Instruction: "ADD", Sources: sources, Dest: "/to/", Below: source.Empty()})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Write(t.Context(), io.Discard); errdefs.KindOf(err) != errdefs.KindInvalidArgument {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestSum(t *testing.T) {
	one, below := tree(t, contextFiles...), source.Empty()
	sum := func(tr source.Tree, names ...string) string {
		p, err := layer.NewPlan(t.Context(), layer.Request{Instruction: "COPY", Sources: from(t, tr, names...), Dest: "/x/", Below: below})
		if err != nil {
			t.Fatal(err)
		}
		return p.Sum()
	}
	for prefix, names := range map[string][]string{"file:": {"f"}, "dir:": {"d"}, "multi:": {"f", "x"}} {
		if got := sum(one, names...); !strings.HasPrefix(got, prefix) || len(got) != len(prefix)+64 {
			t.Errorf("%v: %s", names, got)
		}
	}
	// A link to another file of the same content is another directory.
	a := tree(t, file{"f", "d/1", "x", 0, 0}, file{"f", "d/2", "x", 0, 0}, file{"l", "d/l", "1", 0o777, 0})
	b := tree(t, file{"f", "d/1", "x", 0, 0}, file{"f", "d/2", "x", 0, 0}, file{"l", "d/l", "2", 0o777, 0})
	if sum(a, "d") == sum(b, "d") {
		t.Error("a link that leads elsewhere is no change")
	}
}

func TestDirectory(t *testing.T) {
	below := tree(t, imageFiles...)
	for name, want := range map[string]string{"/there": "", "/link": "", "/a/b": "a/ 755 0:0\na/b/ 755 0:0", "/there/x": "there/ 711 9:9\nthere/x/ 755 0:0"} {
		p, err := layer.Directory(t.Context(), below, name, fixed())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := ""
		if p != nil {
			got = written(t, p)
		}
		if got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := layer.Directory(t.Context(), below, "/file/x", fixed()); errdefs.KindOf(err) != errdefs.KindInvalidArgument {
		t.Errorf("in a file: %v", err)
	}
}

func fixed() time.Time { return time.Unix(1_000_000_000, 0) }
