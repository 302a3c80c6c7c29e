//go:build linux

package graph

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/vfs"
	"github.com/enginejobs/docker/image"
)

// bench is a store on a vfs driver with an engine whose events are recorded.
type bench struct {
	*Store
	t      *testing.T
	root   string
	eng    *engine.Engine
	events *enginetest.Recorder
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, root: t.TempDir(), eng: enginetest.New(t)}
	b.events = enginetest.Fake(b.eng, "log")
	if err := new(Store).Install(b.eng); err != nil {
		t.Fatal(err)
	}
	b.open()
	for name, handler := range map[string]engine.Handler{
		"history": func(j *engine.Job) error { return b.jobHistory(j) }, "images": func(j *engine.Job) error { return b.jobImages(j) },
		"image_inspect": func(j *engine.Job) error { return b.jobImageInspect(j) },
		"image_tag":     func(j *engine.Job) error { return b.jobImageTag(j) }, "tag": func(j *engine.Job) error { return b.jobTag(j) },
	} {
		b.eng.Replace(name, handler)
	}
	return b
}

// open opens the store, anew when it is open already.
func (b *bench) open() {
	b.t.Helper()
	d, err := vfs.New(vfs.Options{Root: filepath.Join(b.root, "vfs"), Logf: b.t.Logf})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = d.Close() })
	if b.Store, err = New(Options{Root: b.root, Driver: d, Engine: b.eng, Logf: b.t.Logf}); err != nil {
		b.t.Fatal(err)
	}
	b.eng.Replace("import", b.jobImport) // the jobs of the store opened last
	b.eng.Replace("image_delete", b.jobImageDelete)
	b.eng.Replace("image_append", b.jobImageAppend)
	b.eng.Replace("image_squash", b.jobImageSquash)
}

// run runs a job and returns its output.
func (b *bench) run(stdin []byte, env map[string]string, name string, args ...string) (string, error) {
	b.t.Helper()
	job := b.eng.Job(name, args...)
	for k, v := range env {
		job.Setenv(k, v)
	}
	if stdin != nil {
		if err := job.Stdin.Add(bytes.NewReader(stdin)); err != nil {
			b.t.Fatal(err)
		}
	}
	out, err := job.Output()
	return string(out), err
}

// add imports an image of one file and returns its id.
func (b *bench) add(name, file string) string {
	b.t.Helper()
	out, err := b.run(graphtest.Archive(b.t, graphtest.File(file, "x")), nil, "import", "-", name)
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func (b *bench) wantKind(err error, kind errdefs.Kind, text string) {
	b.t.Helper()
	if !errdefs.Is(err, kind) || !strings.Contains(err.Error(), text) {
		b.t.Errorf("got %v (%v), want kind %v with %q", err, errdefs.KindOf(err), kind, text)
	}
}

// eventNames are the events so far, as "import name".
func (b *bench) eventNames() string {
	var words []string
	for _, c := range b.events.Calls() {
		var attributes map[string]string
		_ = json.Unmarshal([]byte(c.Env["attributes"]), &attributes)
		words = append(words, c.Args[0]+" "+attributes["name"])
	}
	return strings.Join(words, ", ")
}

// clean fails when work in progress or unknown layers are left.
func (b *bench) clean(layers int) {
	b.t.Helper()
	if list, err := os.ReadDir(b.path("tmp")); err != nil || len(list) != 0 {
		b.t.Errorf("left in tmp: %v, %v", list, err)
	}
	if list := b.driver.List(); len(list) != layers {
		b.t.Errorf("the driver has %d layers, want %d: %v", len(list), layers, list)
	}
	if list, err := os.ReadDir(b.path("layerdb/sha256")); err != nil || len(list) > layers {
		b.t.Errorf("left in layerdb: %v, %v", list, err)
	}
}

func TestImport(t *testing.T) {
	b := newBench(t)
	data := graphtest.Archive(t, graphtest.File("bin/sh", "elf"))
	_, err := b.run(data, map[string]string{
		"json": "1", "changes": `["CMD [\"sh\"]","ENV A=1"]`, "message": "hello", "platform": "linux/arm64/v8",
	}, "import", "-", "busybox.example/Box", "v1")
	if err == nil {
		t.Error("an upper case name was accepted")
	}
	out, err := b.run(data, map[string]string{
		"json": "1", "changes": `["CMD [\"sh\"]","ENV A=1"]`, "message": "hello", "platform": "linux/arm64/v8",
	}, "import", "-", "box", "v1")
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Status string }
	if err := json.Unmarshal([]byte(out), &m); err != nil || !image.ValidDigest(m.Status) {
		t.Fatalf("output is %q, %v", out, err)
	}
	img, err := b.Image("box:v1")
	if err != nil || img.ID != m.Status {
		t.Fatal(img, err)
	}
	if img.Config.Cmd[0] != "sh" || img.Config.Env[0] != "A=1" || img.Comment != "hello" || img.Architecture != "arm64" ||
		img.Variant != "v8" || img.Size != 3 || img.RepoTags[0] != "box:v1" || img.RootFS.DiffIDs[0] != image.Digest(data) {
		t.Errorf("got %+v", img)
	}
	if got := b.eventNames(); got != "tag box:v1, import "+img.ID {
		t.Errorf("events: %s", got)
	}
	b.clean(1)
	// The same layer again is kept once.
	if _, err := b.run(data, nil, "import", "-"); err != nil {
		t.Fatal(err)
	}
	b.clean(1)
	if b.ImageCount() != 2 {
		t.Errorf("%d images", b.ImageCount())
	}
}

func TestImport_Faults(t *testing.T) {
	b := newBench(t)
	good := graphtest.Archive(t, graphtest.File("a", strings.Repeat("x", 5000)))
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, _ = w.Write(good)
	_ = w.Close()
	for name, c := range map[string]struct {
		data []byte
		env  map[string]string
		args []string
		kind errdefs.Kind
		text string
	}{
		"empty":        {[]byte{}, nil, []string{"-"}, errdefs.KindInvalidArgument, "empty"},
		"garbage":      {bytes.Repeat([]byte("x"), 5000), nil, []string{"-"}, errdefs.KindInvalidArgument, "archive"},
		"truncated":    {good[:3000], nil, []string{"-"}, errdefs.KindInvalidArgument, "truncated"},
		"truncated gz": {gz.Bytes()[:gz.Len()-20], nil, []string{"-"}, errdefs.KindInvalidArgument, "EOF"},
		"dotdot":       {graphtest.Archive(t, graphtest.File("../x", "")), nil, []string{"-"}, errdefs.KindInvalidArgument, "leads out"},
		"twice":        {graphtest.Archive(t, graphtest.File("a", "x"), graphtest.File("./a", "y")), nil, []string{"-"}, errdefs.KindInvalidArgument, "duplicate"},
		"bomb":         {graphtest.SparseBomb(1 << 61), nil, []string{"-"}, errdefs.KindInvalidArgument, "file system"},
		"name":         {good, nil, []string{"-", "UPPER"}, errdefs.KindInvalidArgument, "lowercase"},
		"scratch":      {good, nil, []string{"-", "scratch"}, errdefs.KindInvalidArgument, "reserved"},
		"tag":          {good, nil, []string{"-", "a", "b/c"}, errdefs.KindInvalidArgument, "Illegal tag name (b/c)"},
		"change":       {good, map[string]string{"changes": "RUN x"}, []string{"-", "a"}, errdefs.KindInvalidArgument, "RUN"},
		"platform":     {good, map[string]string{"platform": "windows/amd64"}, []string{"-", "a"}, errdefs.KindInvalidArgument, "platform"},
		"scheme":       {nil, nil, []string{"file:///etc/passwd"}, errdefs.KindInvalidArgument, "http"},
		"no server":    {nil, nil, []string{"http://127.0.0.1:1/x"}, errdefs.KindUnavailable, "fetching"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			_, err := b.run(c.data, c.env, "import", c.args...)
			b.wantKind(err, c.kind, c.text)
			b.clean(0)
		})
	}
	if b.ImageCount() != 0 || len(b.events.Calls()) != 0 {
		t.Errorf("%d images, events %s", b.ImageCount(), b.eventNames())
	}
}

func TestImport_URL(t *testing.T) {
	b := newBench(t)
	data := graphtest.Archive(t, graphtest.File("a", "1"))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/a.tar" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	defer srv.Close()
	defer http.DefaultClient.CloseIdleConnections()
	out, err := b.run(nil, nil, "import", strings.TrimPrefix(srv.URL, "http://")+"/a.tar", "a")
	if err != nil || !strings.HasPrefix(out, "Downloading from http://") || !strings.Contains(out, "Importing") {
		t.Errorf("got %q, %v", out, err)
	}
	_, err = b.run(nil, nil, "import", srv.URL+"/none")
	b.wantKind(err, errdefs.KindUnavailable, "404")
}

// The password of a URL is in no text that is kept: errors, progress, comment.
func TestImport_SourceIsShownWithoutPassword(t *testing.T) {
	for source, want := range map[string]string{
		"-":                             "-",
		"example.com/a.tar":             "example.com/a.tar",
		"http://me@example.com/a.tar":   "http://me@example.com/a.tar",
		"https://me:hunter2@host/a.tar": "https://me:xxxxx@host/a.tar",
		"me:hunter2@host/a.tar":         "http://me:xxxxx@host/a.tar",
		"http://me:hunter2@[host/a.tar": "the source",
	} {
		if got := shown(source); got != want {
			t.Errorf("%s is shown as %q, want %q", source, got, want)
		}
	}
	b := newBench(t)
	for _, source := range []string{"http://me:hunter2@127.0.0.1:1/x", "http://me:hunter2@[host/a.tar", "ftp://me:hunter2@host/x"} {
		out, err := b.run(nil, nil, "import", source)
		if err == nil || strings.Contains(err.Error()+out, "hunter2") {
			t.Errorf("%s: %q, %v", source, out, err)
		}
	}
}

func TestImport_Cancel(t *testing.T) {
	b := newBench(t)
	r, w := io.Pipe()
	defer w.Close()
	job := b.eng.Job("import", "-", "a")
	if err := job.Stdin.AddCloser(r); err != nil {
		t.Fatal(err)
	}
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(graphtest.Archive(t, graphtest.File("a", strings.Repeat("x", 10000)))[:4096]); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	job.Cancel()
	_ = w.CloseWithError(errors.New("the client left"))
	if err := job.Wait(); !errdefs.Is(err, errdefs.KindCanceled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("cancelling took %v", took)
	}
	b.clean(0)
}

func TestLookup(t *testing.T) {
	b := newBench(t)
	id := b.add("box", "a")
	b.add("example.com:5000/team/box:v2", "b")
	for _, ref := range []string{
		"box", "box:latest", "library/box", "docker.io/library/box", "index.docker.io/library/box:latest", id, id[7:], id[:20], id[7:19], "box:" + id[7:15],
	} {
		if img, err := b.Image(ref); err != nil || img.ID != id {
			t.Errorf("%s: %v", ref, err)
		}
	}
	_, err := b.Image("none")
	b.wantKind(err, errdefs.KindNotFound, "No such image: none:latest")
	_, err = b.Image("box:v9")
	b.wantKind(err, errdefs.KindNotFound, "No such image: box:v9")
	_, err = b.Image(strings.Repeat("0", 64))
	b.wantKind(err, errdefs.KindNotFound, "No such image")
	_, err = b.Image("sha256:")
	b.wantKind(err, errdefs.KindInvalidArgument, "sha256:")
	_, err = b.Image("UPPER")
	b.wantKind(err, errdefs.KindInvalidArgument, "UPPER")
	_, err = b.Image("")
	b.wantKind(err, errdefs.KindInvalidArgument, "")
	for i := range 20 { // enough that two ids begin alike
		b.add(fmt.Sprintf("i%d", i), fmt.Sprintf("f%d", i))
	}
	seen := map[string]bool{}
	for _, h := range b.current.Load().hexes {
		if seen[h[:1]] {
			_, err := b.Image("sha256:" + h[:1])
			b.wantKind(err, errdefs.KindInvalidArgument, "ambiguous")
			return
		}
		seen[h[:1]] = true
	}
}

func TestTag(t *testing.T) {
	b := newBench(t)
	one, two := b.add("one", "1"), b.add("two", "2")
	if _, err := b.run(nil, nil, "tag", "one", "localhost:5000/x", "v1"); err != nil {
		t.Fatal(err)
	}
	_, err := b.run(nil, map[string]string{"force": "0"}, "tag", "two", "localhost:5000/x:v1")
	b.wantKind(err, errdefs.KindConflict, "Conflict: Tag v1 is already set to image "+one+", if you want to replace it, please use -f option")
	if _, err := b.run(nil, nil, "tag", "two", "localhost:5000/x:v1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.run(nil, nil, "image_tag", "three", two[:17]); err != nil {
		t.Fatal(err)
	}
	b.open()
	if img, err := b.Image("two"); err != nil || strings.Join(img.RepoTags, " ") != "localhost:5000/x:v1 three:latest two:latest" || img.TagTime.IsZero() {
		t.Errorf("got %+v, %v", img, err)
	}
	_, err = b.run(nil, nil, "tag", "none", "x")
	b.wantKind(err, errdefs.KindNotFound, "No such image: none:latest")
	_, err = b.run(nil, nil, "tag", "one", "")
	b.wantKind(err, errdefs.KindInvalidArgument, "Repository name can't be empty")
	_, err = b.run(nil, nil, "tag", "one", "x@"+one)
	b.wantKind(err, errdefs.KindInvalidArgument, "digest")
	if got := b.eventNames(); !strings.HasSuffix(got, "tag localhost:5000/x:v1, tag localhost:5000/x:v1, tag three:latest") {
		t.Errorf("events: %s", got)
	}
}

// rows are those of eachImage.
func (b *bench) rows(opt imagesOptions) (list []api.ImageSummary) {
	b.t.Helper()
	err := b.eachImage(opt, func(img listedImage) error {
		list = append(list, img.ImageSummary)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func TestImages(t *testing.T) {
	b := newBench(t)
	old := b.add("old", "1")
	b.run(graphtest.Archive(t, graphtest.File("n", "22")), map[string]string{"changes": `["LABEL a=b c=d"]`}, "import", "-", "team/new")
	b.add("", "3")
	rows := func(env map[string]string) (names string) {
		t.Helper()
		var list []api.ImageSummary
		out, err := b.run(nil, env, "images")
		if err == nil {
			err = json.Unmarshal([]byte(out), &list)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			names += strings.Join(r.RepoTags, "+") + fmt.Sprintf("/%d ", r.Size)
		}
		return names
	}
	for _, c := range []struct{ env, value, want string }{
		{"all", "1", "/1 team/new:latest/2 old:latest/1 "},
		{"untagged", "1", "<none>:<none>/1 team/new:latest/2 old:latest/1 "},
		{"filter", "team/*", "team/new:latest/2 "},
		{"filters", `{"dangling":["true"]}`, "/1 "},
		{"filters", `{"dangling":{"false":true}}`, "team/new:latest/2 old:latest/1 "},
		{"filters", `{"label":["a=b","c"]}`, "team/new:latest/2 "},
		{"filters", `{"label":["a=x"]}`, ""},
		{"filters", `{"since":["old"]}`, "/1 team/new:latest/2 "},
		{"filters", `{"before":["team/new"]}`, "old:latest/1 "},
		{"filters", `{"reference":["*/new","old:l*"]}`, "team/new:latest/2 old:latest/1 "},
	} {
		if got := rows(map[string]string{c.env: c.value}); got != c.want {
			t.Errorf("%s=%s: got %q, want %q", c.env, c.value, got, c.want)
		}
	}
	_, err := b.run(nil, map[string]string{"filters": `{"x":["y"]}`}, "images")
	b.wantKind(err, errdefs.KindInvalidArgument, "invalid filter 'x'")
	_, err = b.run(nil, map[string]string{"filters": `[`}, "images")
	b.wantKind(err, errdefs.KindInvalidArgument, "")
	_, err = b.run(nil, map[string]string{"filters": `{"before":["none"]}`}, "images")
	b.wantKind(err, errdefs.KindNotFound, "none")
	_, err = b.run(nil, map[string]string{"filter": `[`}, "images")
	b.wantKind(err, errdefs.KindInvalidArgument, "")

	var doc api.ImageInspect
	out, err := b.run(nil, nil, "image_inspect", "old")
	if err == nil {
		err = json.Unmarshal([]byte(out), &doc)
	}
	if err != nil || doc.Id != old || doc.GraphDriver.Name != "vfs" || doc.RootFS.Type != "layers" || len(doc.RootFS.Layers) != 1 {
		t.Errorf("got %s, %v", out, err)
	}
	raw, err := b.run(nil, map[string]string{"raw": "1"}, "image_inspect", "old")
	if err != nil || image.Digest([]byte(raw)) != old {
		t.Errorf("raw: %s, %v", raw, err)
	}
	_, err = b.run(nil, nil, "image_inspect", "none")
	b.wantKind(err, errdefs.KindNotFound, "No such image: none:latest")
	var steps []api.ImageHistory
	out, err = b.run(nil, nil, "history", "old")
	if err == nil {
		err = json.Unmarshal([]byte(out), &steps)
	}
	if err != nil || len(steps) != 1 || steps[0].Id != old || steps[0].Size != 1 || steps[0].Tags[0] != "old:latest" ||
		steps[0].Comment != "Imported from -" {
		t.Errorf("history is %s, %v", out, err)
	}
	_, err = b.run(nil, nil, "history", "none")
	b.wantKind(err, errdefs.KindNotFound, "No such image")
}

func TestAssembled(t *testing.T) {
	b := newBench(t)
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	_ = w.WriteHeader(&tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755, Format: tar.FormatGNU})
	_ = w.WriteHeader(&tar.Header{Name: "./a", Mode: 0o600, Size: 3, Uname: "somebody", ModTime: time.Unix(5, 5), Format: tar.FormatPAX})
	_, _ = w.Write([]byte("abc"))
	_ = w.WriteHeader(&tar.Header{Name: "./b", Typeflag: tar.TypeLink, Linkname: "./a"})
	_ = w.Close()
	data := append(buf.Bytes(), make([]byte, 5000)...) // padding counts
	if _, err := b.run(data, nil, "import", "-", "x"); err != nil {
		t.Fatal(err)
	}
	img, err := b.Image("x")
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.assembled(t.Context(), b.layers[img.ChainID], nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came back of %d, %v", len(got), len(data), err)
	}
}
