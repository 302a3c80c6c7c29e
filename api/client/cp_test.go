package client

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
)

// fakeFiles answers for the files of a container "box" and keeps what is put in.
type fakeFiles struct {
	*fakeDaemon
	stats   map[string]api.PathStat // by cleaned path
	archive []byte                  // what is read, whatever the path
	put     []string                // "path: name name…"
}

func newFakeFiles(t *testing.T) *fakeFiles {
	f := &fakeFiles{fakeDaemon: newFake(t), stats: map[string]api.PathStat{
		"/": {Name: "/", Mode: fs.ModeDir}, "/file": {Name: "file", Size: 4}, "/dir": {Name: "dir", Mode: fs.ModeDir},
		"/link": {Name: "link", Mode: fs.ModeSymlink, LinkTarget: "/dir"}, "/far": {Name: "far", Mode: fs.ModeSymlink, LinkTarget: "/nowhere"},
		"/loop": {Name: "loop", Mode: fs.ModeSymlink, LinkTarget: "/loop"}, "/dev": {Name: "dev", Mode: fs.ModeDevice | fs.ModeCharDevice},
	}}
	head := func(w http.ResponseWriter, r *http.Request) bool {
		stat, ok := f.stats[path.Clean("/"+r.URL.Query().Get("path"))]
		if !ok {
			failWith(http.StatusNotFound, "Could not find the file "+r.URL.Query().Get("path")+" in container box")(w, r)
			return false
		}
		text, err := json.Marshal(stat)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set(api.PathStatHeader, base64.StdEncoding.EncodeToString(text))
		return true
	}
	f.routes["HEAD /containers/box/archive"] = func(w http.ResponseWriter, r *http.Request) { head(w, r) }
	f.routes["GET /containers/box/archive"] = func(w http.ResponseWriter, r *http.Request) {
		if head(w, r) {
			_, _ = w.Write(f.archive)
		}
	}
	f.routes["PUT /containers/box/archive"] = func(_ http.ResponseWriter, r *http.Request) {
		var names []string
		for tr := tar.NewReader(r.Body); ; {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				names = append(names, err.Error())
				break
			}
			names = append(names, h.Name)
		}
		f.put = append(f.put, r.URL.Query().Get("path")+": "+strings.Join(names, " "))
	}
	return f
}

func tarOf(t testing.TB, list ...*tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range list {
		body := ""
		if h.Typeflag == tar.TypeReg {
			body = "text"
		}
		h.Size, h.ModTime = int64(len(body)), time.Unix(1400000000, 0)
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarFile(name string) *tar.Header { return &tar.Header{Name: name, Typeflag: tar.TypeReg} }
func tarDir(name string) *tar.Header  { return &tar.Header{Name: name, Typeflag: tar.TypeDir} }
func tarLink(name, to string) *tar.Header {
	return &tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
}
func tarHard(name, to string) *tar.Header {
	return &tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeLink}
}

// localFiles makes file, dir/a, link to dir, far to nowhere; it returns where.
func localFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o644), os.Mkdir(filepath.Join(dir, "dir"), 0o755),
		os.WriteFile(filepath.Join(dir, "dir/a"), []byte("old"), 0o644), os.Symlink("dir", filepath.Join(dir, "link")),
		os.Symlink("nowhere", filepath.Join(dir, "far")), os.Symlink("loop", filepath.Join(dir, "loop")))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// tree lists a directory: "name", "name/", "name>target".
func tree(t *testing.T, dir string) string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		switch {
		case e.IsDir():
			name += "/"
		case e.Type()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(p)
			name += ">" + to
		}
		list = append(list, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}

// TestCp_In: where the daemon is told to unpack what, or why nothing is sent.
func TestCp_In(t *testing.T) {
	f := newFakeFiles(t)
	here := localFiles(t)
	for _, c := range []struct{ args, put, err string }{
		{"file box:/dir", "/dir: file", ""},
		{"file box:/dir/", "/dir/: file", ""},
		{"file box:/link", "/dir: file", ""},
		{"file box:/file", "/: file", ""},
		{"file box:/new", "/: new", ""},
		{"file box:new", "/: new", ""},
		{"file box:/far", "/: nowhere", ""},
		{"file box:/dir/new", "/dir: new", ""},
		{"file box:/new/", "", "no such directory"},
		{"file box:/dev", "", `destination "box:/dev" must be a directory or a regular file: got a device`},
		{"file box:", "", "destination path must not be empty"},
		{"dir box:/dir", "/dir: dir/ dir/a", ""},
		{"dir/ box:/dir", "/dir: dir/ dir/a", ""},
		{"dir/. box:/dir", "/dir: ./ a", ""},
		{"dir box:/new", "/: new/ new/a", ""},
		{"dir/. box:/new", "/: new/ new/a", ""},
		{"dir box:/new/", "/: new/ new/a", ""},
		{"dir box:/file", "", "cannot copy directory"},
		{"link box:/dir", "/dir: link", ""},
		{"link/. box:/dir", "/dir: ./ a", ""},
		{"link/ box:/dir", "/dir: link/ link/a", ""},
		{"-L link box:/dir", "/dir: link/ link/a", ""},
		{"-a file box:/new", "/: new", ""},
		{"far box:/dir", "/dir: far", ""},
		{"-L far box:/dir", "", "no such file or directory"},
		{"missing box:/dir", "", "no such file or directory"},
		{"file/x box:/dir", "", "not a directory"},
		{"- box:/file", "", `destination "box:/file" must be a directory`},
		{"- box:/new", "", `destination "box:/new" must be a directory`},
		{"- box:/dir", "/dir: x", ""},
		{"file nobody:/x", "", "nobody"},
	} {
		f.put = nil
		words := strings.Fields(c.args)
		for i, w := range words {
			if !strings.HasPrefix(w, "-") && !strings.Contains(w, ":") {
				words[i] = here + "/" + w
			}
		}
		r := docker(t, f.fakeDaemon, string(tarOf(t, tarFile("x"))), "cp "+strings.Join(words, " "))
		put := strings.Join(f.put, "; ")
		if (r.code != 0) != (c.err != "") || !strings.Contains(r.err, c.err) || put != c.put || r.out != "" {
			t.Errorf("%s: %+v, put %q; want %q, %q", c.args, r, put, c.put, c.err)
		}
	}
	seen := strings.Join(f.log(), "\n")
	if n := strings.Count(seen, "copyUIDGID"); n != 1 || strings.Count(seen, "noOverwriteDirNonDir") < 10 {
		t.Errorf("%d requests keep the owner:\n%s", n, seen)
	}
}

// TestCp_Out: what becomes of an archive of the daemon.
func TestCp_Out(t *testing.T) {
	const before = "dir/ dir/a far>nowhere file link>dir loop>loop"
	file, dir := []*tar.Header{tarFile("file")}, []*tar.Header{tarDir("dir/"), tarDir("dir/s/"), tarFile("dir/s/b")}
	contents := []*tar.Header{tarDir("./"), tarFile("./b")}
	for _, c := range []struct {
		src, dst, adds, err string
		archive             []*tar.Header
	}{
		{"/file", "", "", "", file},
		{"/file", "new", "new", "", file},
		{"/file", "dir", "dir/file", "", file},
		{"/file", "link", "dir/file", "", file},
		{"/file", "link/", "dir/file", "", file},
		{"/file", "dir/.", "dir/file", "", file},
		{"/file", "file", "", "", file},
		{"/file", "far", "nowhere", "", file},
		{"/file", "new/", "", "no such directory", file},
		{"/file", "no/such", "", "invalid output path: directory ", file},
		{"/file", "loop", "", "too many levels", file},
		{"/file", "file/x", "", "not a directory", file},
		{"/dir", "new", "new/ new/s/ new/s/b", "", dir},
		{"/dir", "new/", "new/ new/s/ new/s/b", "", dir},
		{"/dir", "dir", "dir/dir/ dir/dir/s/ dir/dir/s/b", "", dir},
		{"/dir", "file", "", "cannot copy directory", dir},
		{"/dir/.", "dir", "dir/b", "", contents},
		{"/dir/.", "new", "new/ new/b", "", contents},
		{"/missing", "new", "", "Could not find the file /missing in container box", nil},
		{"/link", "new", "new>dir", "", []*tar.Header{tarLink("link", "dir")}},
		{"/dir/.", "", "", `cannot overwrite non-directory "HERE/file" with directory "HERE"`, []*tar.Header{tarDir("./"), tarDir("./file/")}},
		{"/dir/.", "", "", `cannot overwrite directory "HERE/dir" with non-directory "HERE"`, []*tar.Header{tarDir("./"), tarFile("./dir")}},
	} {
		f := newFakeFiles(t)
		f.archive = tarOf(t, c.archive...)
		here := localFiles(t)
		r := docker(t, f.fakeDaemon, "", "cp box:"+c.src+" "+here+"/"+c.dst)
		if (r.code != 0) != (c.err != "") || !strings.Contains(strings.ReplaceAll(r.err, here, "HERE"), c.err) || r.out != "" {
			t.Errorf("%s to %q: %+v", c.src, c.dst, r)
		}
		var added []string
		old := strings.Fields(before)
		for _, name := range strings.Fields(tree(t, here)) {
			if !slices.Contains(old, name) {
				added = append(added, name)
			}
		}
		if got := strings.Join(added, " "); got != c.adds {
			t.Errorf("%s to %q added %q, want %q", c.src, c.dst, got, c.adds)
		}
	}
}

// TestCp_Uses: the wrong uses, and what is passed on as it is.
func TestCp_Uses(t *testing.T) {
	f := newFakeFiles(t)
	f.archive = tarOf(t, tarFile("file"))
	for args, text := range map[string]string{
		"box:/a box:/b": "copying between containers is not supported", "a b": "must specify at least one container source",
		"box:/file": "requires 2 arguments", "./a:b /c": "must specify at least one container source",
	} {
		if r := docker(t, f.fakeDaemon, "", "cp "+args); r.code == 0 || !strings.Contains(strings.ToLower(r.err), strings.ToLower(text)) {
			t.Errorf("%s: %+v", args, r)
		}
	}
	r := docker(t, f.fakeDaemon, "", "cp box:/file -")
	r.want(t, 0, string(f.archive), "")
	// What follows a link asks for where it leads to.
	if r := docker(t, f.fakeDaemon, "", "cp -L box:/link -"); r.code != 0 || !strings.Contains(strings.Join(f.log(), "\n"), `GET /containers/box/archive {"path":["/dir"]}`) {
		t.Errorf("%+v\n%s", r, strings.Join(f.log(), "\n"))
	}
	// An archive that breaks off is no success.
	here := t.TempDir()
	f.archive = tarOf(t, tarFile("file"), tarFile("file2"))[:1100]
	if r := docker(t, f.fakeDaemon, "", "cp box:/file "+here); r.code == 0 || !strings.Contains(r.err, "reading the daemon's archive") {
		t.Errorf("%+v", r)
	}
}
