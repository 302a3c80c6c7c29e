package builder_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/server/daemontest"
)

// pack makes a context.
func pack(t *testing.T, files map[string]string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for name, text := range files {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// build runs job build; keys are names and values.
func build(t *testing.T, eng *engine.Engine, files map[string]string, keys ...string) (string, error) {
	t.Helper()
	job := eng.Job("build").SetContext(t.Context())
	for i := 0; i < len(keys); i += 2 {
		job.Setenv(keys[i], keys[i+1])
	}
	if err := job.Stdin.Add(pack(t, files)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	job.Stdout.Add(&out)
	err := job.Run()
	return strings.ReplaceAll(out.String(), "\r", ""), err
}

func mustBuild(t *testing.T, eng *engine.Engine, files map[string]string, keys ...string) string {
	t.Helper()
	out, err := build(t, eng, files, keys...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func inspect(t *testing.T, eng *engine.Engine, name string) (doc struct {
	ID, Parent, Comment, Author string
	Config                      struct {
		Env, Cmd, Entrypoint []string
		Labels               map[string]string
		WorkingDir           string
	}
	RootFS struct{ Layers []string }
},
) {
	t.Helper()
	if err := eng.Job("image_inspect", name).OutputJSON(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func newEngine(t *testing.T) *engine.Engine {
	t.Helper()
	d := daemontest.New(t, daemontest.Fake())
	d.ImportBox(t)
	return d.Engine()
}

func TestBuild(t *testing.T) {
	eng := newEngine(t)
	files := map[string]string{
		"Dockerfile": "FROM box\nENV A=1 B=${A}x\nLABEL l=$A\nWORKDIR sub\nCOPY f /\nCMD [\"x\", \"y\"]\nENTRYPOINT [\"e\"]\nMAINTAINER who\n",
		"f":          "text",
	}
	out := mustBuild(t, eng, files, "t", `["made:1","made"]`, "labels", `{"from":"outside"}`)
	for _, want := range []string{
		"Step 1/9 : FROM box\n", "Step 2/9 : ENV A=1 B=${A}x\n", "Step 9/9 : LABEL from=outside\n", " ---> ",
		"Successfully built ", "Successfully tagged made:1\n", "Successfully tagged made:latest\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing of\n%s", want, out)
		}
	}
	doc := inspect(t, eng, "made:1")
	if doc.Config.Labels["l"] != "1" || doc.Config.Labels["from"] != "outside" || doc.Config.WorkingDir != "/sub" || doc.Author != "who" ||
		strings.Join(doc.Config.Cmd, " ") != "x y" || len(doc.RootFS.Layers) != 3 {
		t.Errorf("%+v", doc)
	}
	again := mustBuild(t, eng, files, "labels", `{"from":"outside"}`)
	if n := strings.Count(again, "Using cache"); n != 8 {
		t.Errorf("%d of 8 steps came from the cache:\n%s", n, again)
	}
	if out := mustBuild(t, eng, files, "nocache", "1"); strings.Contains(out, "Using cache") {
		t.Error("nocache used it")
	}
	files["f"] = "other"
	if n := strings.Count(mustBuild(t, eng, files), "Using cache"); n != 3 {
		t.Errorf("%d steps before the changed file came from the cache", n)
	}
}

func TestBuild_Messages(t *testing.T) {
	eng := newEngine(t)
	files := map[string]string{"Dockerfile": "ARG V=box\nFROM $V\nENV A=1\n"}
	for style, want := range map[string]string{
		"": "Step 1/3 : ARG V=box\nStep 2/3 : FROM $V\n", "from0": "Step 0 : ARG V=box\nStep 1 : FROM $V\n", "from1": "Step 1 : ARG V=box\n",
	} {
		if out := mustBuild(t, eng, files, "stepStyle", style); !strings.HasPrefix(out, want) {
			t.Errorf("%s: %s", style, out)
		}
	}
	out := mustBuild(t, eng, files, "json", "1", "t", `["x"]`)
	var ids []string
	for dec := json.NewDecoder(strings.NewReader(out)); dec.More(); {
		var m struct {
			Stream string
			Aux    struct{ ID string }
		}
		if err := dec.Decode(&m); err != nil {
			t.Fatal(err)
		}
		if m.Aux.ID != "" {
			ids = append(ids, m.Aux.ID)
		}
	}
	if len(ids) != 1 || ids[0] != inspect(t, eng, "x").ID {
		t.Errorf("ids %v in\n%s", ids, out)
	}
	if out := mustBuild(t, eng, files, "idOnly", "1"); strings.TrimSpace(out) != ids[0] {
		t.Errorf("idOnly: %s", out)
	}
	out, err := build(t, eng, map[string]string{"Dockerfile": "FROM box\nCOPY no /\n"}, "idOnly", "1")
	if err == nil || !strings.Contains(out, "Step 2/2 : COPY no /") {
		t.Errorf("%v: what was held back is not told: %s", err, out)
	}
	out = mustBuild(t, eng, files, "buildargs", `{"NONE":"1"}`)
	if !strings.Contains(out, "[NONE] were not consumed") {
		t.Error(out)
	}
}

func TestBuild_Stages(t *testing.T) {
	eng := newEngine(t)
	files := map[string]string{
		"Dockerfile": "FROM box AS one\nCOPY f /one\nFROM box AS unused\nCOPY missing /\nFROM one AS two\nENV S=2\nCOPY f /two\n" +
			"FROM scratch\nCOPY --from=one /one /\nCOPY --from=two /two /\nCOPY --from=0 /one /again\n",
		"f": "text",
	}
	out := mustBuild(t, eng, files, "t", `["last"]`)
	if strings.Contains(out, "unused") || !strings.Contains(out, "Step 9/9 : COPY --from=0 /one /again") {
		t.Error(out)
	}
	if doc := inspect(t, eng, "last"); len(doc.RootFS.Layers) != 3 || len(doc.Config.Env) != 1 {
		t.Errorf("%+v", doc)
	}
	mustBuild(t, eng, files, "t", `["two"]`, "target", "TWO")
	if doc := inspect(t, eng, "two"); strings.Join(doc.Config.Env, " ") != "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin S=2" {
		t.Errorf("%+v", doc)
	}
}

func TestBuild_Faults(t *testing.T) {
	eng := newEngine(t)
	for _, c := range []struct {
		file, want string
		kind       errdefs.Kind
		keys       []string
	}{
		{"FROM box\nNOSUCH x\n", "line 2", errdefs.KindInvalidArgument, nil},
		{"FROM box\nCOPY no /\n", "stat no: file does not exist", errdefs.KindNotFound, nil},
		{"FROM box\nCOPY ../x /\n", "forbidden path outside the build context", errdefs.KindInvalidArgument, nil},
		{"FROM box\nCOPY --chown=nobody-knows f /\n", "nobody-knows", errdefs.KindNotFound, nil},
		{"FROM box\nRUN --mount=type=bind,source=no,target=/x true\n", "no", errdefs.KindNotFound, nil},
		{"FROM scratch\nRUN true\n", "no command to run", errdefs.KindInvalidArgument, nil},
		{"FROM scratch\n", "No image was generated", errdefs.KindInvalidArgument, nil},
		{"FROM box\nADD --checksum=sha256:" + strings.Repeat("0", 64) + " f /\n", "checksum", errdefs.KindInvalidArgument, nil},
		{"FROM box AS a\nCOPY --from=a f /\n", "a", errdefs.KindInvalidArgument, nil},
		{"FROM box\n", "could not be found", errdefs.KindNotFound, []string{"target", "none"}},
		{"FROM box\n", "Cannot locate specified Dockerfile: other", errdefs.KindInvalidArgument, []string{"dockerfile", "other"}},
		{"FROM box\n", "must be within the build context", errdefs.KindInvalidArgument, []string{"dockerfile", "../x"}},
		{"FROM box\n", "isolation", errdefs.KindInvalidArgument, []string{"isolation", "hyperv"}},
		{"FROM box\n", "platform", errdefs.KindInvalidArgument, []string{"platform", "windows/amd64"}},
		{"FROM box\n", "invalid reference format", errdefs.KindInvalidArgument, []string{"t", `["Bad Name"]`}},
		{"FROM box\n", "stepStyle", errdefs.KindInvalidArgument, []string{"stepStyle", "x"}},
		{"", "cannot be empty", errdefs.KindInvalidArgument, nil},
	} {
		out, err := build(t, eng, map[string]string{"Dockerfile": c.file, "f": "x"}, c.keys...)
		if err == nil || errdefs.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %v: %v (%v)\n%s", c.file, c.keys, err, errdefs.KindOf(err), out)
		}
	}
}

// TestBuild_FailureShowsItsStage: the output of the stage that fails is told, even
// when stages before it were ended for its sake.
func TestBuild_FailureShowsItsStage(t *testing.T) {
	eng := newEngine(t)
	out, err := build(t, eng, map[string]string{
		"Dockerfile": "FROM box AS slow\nRUN sleep 30\nFROM box AS bad\nCOPY no /\nFROM scratch\nCOPY --from=slow / /\nCOPY --from=bad / /\n",
	})
	if err == nil || !strings.Contains(err.Error(), "stat no") || !strings.Contains(out, "Step 4/7 : COPY no /") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestBuild_Cancel(t *testing.T) {
	eng := newEngine(t)
	ctx, cancel := context.WithCancel(t.Context())
	job := eng.Job("build").SetContext(ctx)
	if err := job.Stdin.Add(strings.NewReader("FROM box\nRUN sleep 100\n")); err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	job.Stdout.Add(writer(func(b []byte) {
		if bytes.Contains(b, []byte("Running in")) {
			close(started)
		}
	}))
	done := make(chan error, 1)
	go func() { done <- job.Run() }()
	<-started
	begin := time.Now()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) && !strings.Contains(err.Error(), "cancelled") || time.Since(begin) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	var list []struct{ ID string }
	all := eng.Job("containers")
	all.SetenvBool("all", true)
	if err := all.OutputJSON(&list); err != nil || len(list) != 0 {
		t.Errorf("left: %v %v", list, err)
	}
}

type writer func([]byte)

// Write tells the test.
func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

func TestBuild_Squash(t *testing.T) {
	eng := newEngine(t)
	mustBuild(t, eng, map[string]string{"Dockerfile": "FROM box\nCOPY a /\nCOPY b /\nENV X=1\n", "a": "1", "b": "2"}, "squash", "1", "t", `["sq"]`)
	doc := inspect(t, eng, "sq")
	if base := inspect(t, eng, "box"); len(doc.RootFS.Layers) != len(base.RootFS.Layers)+1 {
		t.Errorf("%d layers on %d", len(doc.RootFS.Layers), len(base.RootFS.Layers))
	}
	var rows []struct{ Comment string }
	if err := eng.Job("history", "sq").OutputJSON(&rows); err != nil || !strings.HasPrefix(rows[0].Comment, "merge sha256:") {
		t.Errorf("%+v %v", rows, err)
	}
}

func TestBuild_CacheFrom(t *testing.T) {
	eng := newEngine(t)
	files := map[string]string{"Dockerfile": "FROM box\nCOPY a /\nENV X=1\nCOPY b /\n", "a": "1", "b": "2"}
	mustBuild(t, eng, files, "t", `["first"]`)
	var saved bytes.Buffer
	save := eng.Job("image_export", "first")
	save.Stdout.Add(&saved)
	if err := save.Run(); err != nil {
		t.Fatal(err)
	}
	rm := eng.Job("image_delete", "first")
	rm.SetenvBool("force", true)
	if err := rm.Run(); err != nil {
		t.Fatal(err)
	}
	load := eng.Job("load")
	if err := errors.Join(load.Stdin.Add(&saved), load.Run()); err != nil {
		t.Fatal(err)
	}
	id := inspect(t, eng, "first").ID
	out := mustBuild(t, eng, files, "cachefrom", `["first"]`, "t", `["again"]`)
	if n := strings.Count(out, "Using cache"); n != 3 {
		t.Errorf("%d of 3:\n%s", n, out)
	}
	doc := inspect(t, eng, "again")
	if first := inspect(t, eng, id); strings.Join(doc.RootFS.Layers, " ") != strings.Join(first.RootFS.Layers, " ") {
		t.Errorf("layers %v are not %v", doc.RootFS.Layers, first.RootFS.Layers)
	}
}
