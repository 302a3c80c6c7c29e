package client

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/enginejobs/docker/api"
)

// fakeBuild answers POST /build as a daemon whose build succeeds, and keeps what it
// was given.
type fakeBuild struct {
	d      *fakeDaemon
	answer string
	query  map[string][]string
	header http.Header
	body   []byte
}

func newFakeBuild(t *testing.T) *fakeBuild {
	t.Helper()
	b := &fakeBuild{d: newFake(t), answer: `{"stream":"Step 1/1 : FROM x\n"}` + "\n" + `{"aux":{"ID":"sha256:` + testID + `"}}` + "\n"}
	b.d.routes["GET /version"] = answer(map[string]string{"ApiVersion": api.Version})
	b.d.routes["POST /build"] = func(w http.ResponseWriter, r *http.Request) {
		b.query, b.header = r.URL.Query(), r.Header
		b.body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, b.answer)
	}
	return b
}

// names lists the archive that was sent, and texts the files in it.
func (b *fakeBuild) names(t *testing.T) (names []string, texts map[string]string) {
	t.Helper()
	var r io.Reader = bytes.NewReader(b.body)
	if bytes.HasPrefix(b.body, []byte("\x1f\x8b")) {
		unpacked, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = unpacked
	}
	texts = map[string]string{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return names, texts
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname+h.Gname != "" {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		texts[h.Name] = string(text)
	}
}

// contextOf makes files; the names end with "/" for directories.
func contextOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		parent := filepath.Dir(full)
		if strings.HasSuffix(name, "/") {
			parent = full
		}
		if err := os.MkdirAll(parent, 0o755); err != nil {
			t.Fatal(err)
		}
		if parent == full {
			continue
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBuildContexts(t *testing.T) {
	files := map[string]string{
		"Dockerfile": "FROM x", "a": "1", "d/b": "2", "d/skip": "3", "other.Dockerfile": "FROM y", "d/in": "FROM z",
	}
	outside := filepath.Join(contextOf(t, map[string]string{"out": "FROM outside"}), "out")
	all := []string{"Dockerfile", "a", "d/", "d/b", "d/in", "d/skip", "other.Dockerfile"}
	with := func(more map[string]string) map[string]string {
		m := map[string]string{}
		for _, from := range []map[string]string{files, more} {
			for k, v := range from {
				m[k] = v
			}
		}
		return m
	}
	tests := map[string]struct {
		files             map[string]string
		flags, stdin      string
		names             []string
		dockerfile, wrote string // the parameter; the Dockerfile that was added
	}{
		"all":               {files, "", "", all, "Dockerfile", ""},
		"compressed":        {files, "--compress", "", all, "Dockerfile", ""},
		"of its own name":   {files, "-f DIR/other.Dockerfile", "", all, "other.Dockerfile", ""},
		"from the context":  {files, "-f d/in", "", all, "d/in", ""},
		"ignored":           {with(map[string]string{".dockerignore": "d\n!d/b\nother*"}), "", "", []string{".dockerignore", "Dockerfile", "a", "d/b"}, "Dockerfile", ""},
		"itself ignored":    {with(map[string]string{".dockerignore": "*"}), "", "", []string{".dockerignore", "Dockerfile"}, "Dockerfile", ""},
		"in what is":        {with(map[string]string{".dockerignore": "d\nother*\na"}), "-f DIR/d/in", "", []string{".dockerignore", "Dockerfile", "d/in"}, "d/in", ""},
		"ignored by name":   {with(map[string]string{".dockerignore": "a", "other.Dockerfile.dockerignore": "d"}), "-f DIR/other.Dockerfile", "", []string{".dockerignore", "Dockerfile", "a", "other.Dockerfile", "other.Dockerfile.dockerignore"}, "other.Dockerfile", ""},
		"outside":           {files, "-f " + outside, "", append(slices.Clone(all), ".dockerignore"), "", "FROM outside"},
		"standard input":    {files, "-f -", "FROM stdin", append(slices.Clone(all), ".dockerignore"), "", "FROM stdin"},
		"both ignored":      {with(map[string]string{".dockerignore": "d"}), "-f -", "FROM stdin", []string{"Dockerfile", "a", "other.Dockerfile", ".dockerignore"}, "", "FROM stdin"},
		"lower case letter": {map[string]string{"dockerfile": "FROM x"}, "", "", []string{"dockerfile"}, "dockerfile", ""},
	}
	for what, c := range tests {
		t.Run(what, func(t *testing.T) {
			b := newFakeBuild(t)
			dir := contextOf(t, c.files)
			r := docker(t, b.d, c.stdin, "build "+strings.ReplaceAll(c.flags, "DIR", dir)+" "+dir)
			if r.code != 0 || r.err != "" {
				t.Fatalf("%+v", r)
			}
			names, texts := b.names(t)
			name := ""
			if len(b.query["dockerfile"]) > 0 {
				name = b.query["dockerfile"][0]
			}
			want := slices.Clone(c.names)
			if c.wrote != "" {
				if texts[name] != c.wrote || !strings.HasPrefix(name, ".dockerfile.") {
					t.Errorf("the Dockerfile %s is %q", name, texts[name])
				}
				if ignore := texts[".dockerignore"]; !strings.Contains(ignore, name) {
					t.Errorf("COPY sees the Dockerfile: %q", ignore)
				}
				want = append(want, name)
			} else if name != c.dockerfile {
				t.Errorf("the Dockerfile is called %q", name)
			}
			slices.Sort(want)
			slices.Sort(names)
			if !slices.Equal(names, want) {
				t.Errorf("sent %q\nwant %q", names, want)
			}
			if packed := bytes.HasPrefix(b.body, []byte("\x1f\x8b")); packed != (what == "compressed") {
				t.Errorf("compressed: %v", packed)
			}
			if !strings.HasPrefix(r.out, "Sending build context to Docker daemon  ") || !strings.HasSuffix(r.out, "\nStep 1/1 : FROM x\n") {
				t.Errorf("shown: %q", r.out)
			}
		})
	}
}

// TestBuildLinkedDockerfile: what a link leads to is the Dockerfile, wherever it is.
func TestBuildLinkedDockerfile(t *testing.T) {
	b := newFakeBuild(t)
	dir := contextOf(t, map[string]string{"sub/real": "FROM in"})
	outside := filepath.Join(contextOf(t, map[string]string{"real": "FROM out"}), "real")
	link := filepath.Join(dir, "Dockerfile")
	for target, want := range map[string]string{filepath.Join("sub", "real"): "FROM in", outside: "FROM out"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		r := docker(t, b.d, "", "build "+dir)
		if _, texts := b.names(t); r.code != 0 || texts[b.query["dockerfile"][0]] != want {
			t.Errorf("%s: %+v, %q of %q", target, r, b.query["dockerfile"], texts)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBuildFromStandardInput(t *testing.T) {
	b := newFakeBuild(t)
	if r := docker(t, b.d, "FROM x\n", "build -"); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	if names, texts := b.names(t); !slices.Equal(names, []string{"Dockerfile"}) || texts["Dockerfile"] != "FROM x\n" {
		t.Errorf("%q", texts)
	}
	var packed bytes.Buffer
	tw := tar.NewWriter(&packed)
	if err := errors.Join(addText(tw, "Dockerfile", []byte("FROM y")), tw.Close()); err != nil {
		t.Fatal(err)
	}
	for _, archive := range []string{packed.String(), "\x1f\x8b\x08 gzip", "BZh91AY", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} {
		if r := docker(t, b.d, archive, "build -f some -"); r.code != 0 || string(b.body) != archive || b.query["dockerfile"][0] != "some" {
			t.Errorf("%q: %+v, sent %q", archive[:4], r, b.body)
		}
	}
}

func TestBuildOfURLs(t *testing.T) {
	b := newFakeBuild(t)
	for _, from := range []string{
		"http://h/x", "https://h/x.git#a:b", "git://h/x", "git@h:x", "ssh://git@h/x", "github.com/a/b",
	} {
		if r := docker(t, b.d, "", "build -f n "+from); r.code != 0 || b.query["remote"][0] != from || len(b.body) != 0 || b.query["dockerfile"][0] != "n" {
			t.Errorf("%s: %+v %v", from, r, b.query)
		}
	}
}

func TestBuildParameters(t *testing.T) {
	b := newFakeBuild(t)
	r := docker(t, b.d, "FROM x", "build -t a -t b:c --no-cache --rm=false --force-rm --pull --squash --build-arg A=1 --build-arg HOME --build-arg NOT "+
		"--label l=v --label m --cache-from i --target s --platform linux/arm64 --network none --add-host h:1.2.3.4 -m 1g --memory-swap -1 "+
		"--shm-size 64m -c 5 --cpu-period 6 --cpu-quota 7 --cpuset-cpus 0 --cpuset-mems 1 --cgroup-parent /c --ulimit nofile=1:2 "+
		"--security-opt s --isolation default --progress plain --disable-content-trust -")
	if r.code != 0 || r.err != "" {
		t.Fatalf("%+v", r)
	}
	for name, want := range map[string]string{
		"t": "a b:c", "nocache": "1", "rm": "0", "forcerm": "1", "pull": "1", "squash": "1", "buildargs": `{"A":"1","HOME":"/home/u","NOT":null}`,
		"labels": `{"l":"v","m":""}`, "cachefrom": `["i"]`, "target": "s", "platform": "linux/arm64", "networkmode": "none", "extrahosts": "h:1.2.3.4",
		"memory": "1073741824", "memswap": "-1", "shmsize": "67108864", "cpushares": "5", "cpuperiod": "6", "cpuquota": "7", "cpusetcpus": "0",
		"cpusetmems": "1", "cgroupparent": "/c", "ulimits": `[{"Name":"nofile","Hard":2,"Soft":1}]`, "securityopt": "s", "isolation": "default",
	} {
		if got := strings.Join(b.query[name], " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		delete(b.query, name)
	}
	if len(b.query) != 0 {
		t.Errorf("more parameters: %v", b.query)
	}
}

func TestBuildSecrets(t *testing.T) {
	b := newFakeBuild(t)
	file := filepath.Join(contextOf(t, map[string]string{"s": "data"}), "s")
	r := docker(t, b.d, "FROM x", "build --secret id=one,src="+file+" --secret id=HOME --secret type=file,id=two,env=HOME --ssh default=/agent -")
	if r.code != 0 {
		t.Fatalf("%+v", r)
	}
	for name, want := range map[string]string{
		"X-Build-Secrets": `{"HOME":"L2hvbWUvdQ==","one":"ZGF0YQ==","two":"L2hvbWUvdQ=="}`, "X-Build-Ssh": `{"default":"/agent"}`,
	} {
		if got, err := base64.URLEncoding.DecodeString(b.header.Get(name)); string(got) != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	for flags, want := range map[string]string{
		"--secret id": "is not KEY=VALUE", "--secret type=file": "it has no id", "--secret id=a,env=NOT": "NOT is not set", "--secret id=/nowhere": "no such file",
		"--ssh default": "SSH_AUTH_SOCK is not set",
	} {
		if r := docker(t, b.d, "FROM x", "build "+flags+" -"); r.code != 1 || !strings.Contains(r.err, want) {
			t.Errorf("%s: %+v", flags, r)
		}
	}
}

func TestBuildOutput(t *testing.T) {
	b := newFakeBuild(t)
	id := "sha256:" + testID
	file := filepath.Join(t.TempDir(), "id")
	docker(t, b.d, "FROM x", "build --iidfile "+file+" -").want(t, 0, "Sending build context to Docker daemon  2.048kB\nStep 1/1 : FROM x\n", "")
	if text, err := os.ReadFile(file); err != nil || string(text) != id {
		t.Errorf("%q, %v", text, err)
	}
	for _, flags := range []string{"-q", "--progress quiet"} {
		docker(t, b.d, "FROM x", "build "+flags+" -").want(t, 0, id+"\n", "")
	}
	b.answer = `{"stream":"` + id + `\n"}` + "\n"
	docker(t, b.d, "FROM x", "build -q -").want(t, 0, id+"\n", "")

	b.answer = `{"stream":"Step\n"}` + "\n" + `{"errorDetail":{"code":7,"message":"it failed"},"error":"it failed"}` + "\n"
	docker(t, b.d, "FROM x", "build -").want(t, 7, "Sending build context to Docker daemon  2.048kB\nStep\n", "it failed\n")
	docker(t, b.d, "FROM x", "build -q -").want(t, 7, "", "Step\nit failed\n")
	b.answer = ""
	if r := docker(t, b.d, "FROM x", "build --iidfile "+file+".none -"); r.code != 1 || !strings.Contains(r.err, "without the id") {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat(file + ".none"); err == nil {
		t.Error("a file for no id")
	}
}

func TestBuildMistakes(t *testing.T) {
	b := newFakeBuild(t)
	dir := contextOf(t, map[string]string{"Dockerfile": "FROM x", "bad/Dockerfile": "FROM x", "bad/.dockerignore": "[", "none/": ""})
	for line, want := range map[string]string{
		"-f - -": "can't use stdin for both", "-f x -": "ambiguous Dockerfile source", "--progress fancy -": "auto, plain, tty or quiet",
		"-m many -": "invalid size", "--ulimit x -": "invalid ulimit", dir + "/Dockerfile": "context must be a directory",
		dir + "/nowhere": "not found", dir + "/none": "Cannot locate Dockerfile", dir + "/bad": "error reading .dockerignore", "-f /nowhere/x " + dir: "unable to open Dockerfile",
	} {
		if r := docker(t, b.d, "FROM x", "build "+line); r.code != 1 || !strings.Contains(r.err, want) {
			t.Errorf("%s: %+v", line, r)
		}
	}
	if b.query != nil {
		t.Error("a mistake reached the daemon")
	}
}

// TestBuildIsRefusedEarly: the daemon says why before it has read the context.
func TestBuildIsRefusedEarly(t *testing.T) {
	d := newFake(t)
	d.routes["GET /version"] = answer(map[string]string{"ApiVersion": api.Version})
	d.routes["POST /build"] = failWith(http.StatusBadRequest, "bad name")
	dir := contextOf(t, map[string]string{"Dockerfile": "FROM x", "large": strings.Repeat("0123456789abcdef", 1<<20)})
	if r := docker(t, d, "", "build "+dir); r.code != 1 || !strings.Contains(r.err, "bad name") {
		t.Errorf("%+v", r)
	}
}

// TestBuildUnreadable: what the client cannot read ends the build with that reason.
func TestBuildUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	b := newFakeBuild(t)
	dir := contextOf(t, map[string]string{"Dockerfile": "FROM x", "secret": "x"})
	if err := os.Chmod(filepath.Join(dir, "secret"), 0); err != nil {
		t.Fatal(err)
	}
	if r := docker(t, b.d, "", "build "+dir); r.code != 1 || !strings.Contains(r.err, "error checking context") {
		t.Errorf("%+v", r)
	}
}

func TestBuildSpecialFiles(t *testing.T) {
	b := newFakeBuild(t)
	dir := contextOf(t, map[string]string{"Dockerfile": "FROM x", "a": "text"})
	for _, err := range []error{
		os.Symlink("a", filepath.Join(dir, "link")), os.Symlink("/nowhere", filepath.Join(dir, "lost")), os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "hard")),
		os.Chtimes(filepath.Join(dir, "a"), time.Unix(5, 999), time.Unix(5, 999)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if r := docker(t, b.d, "", "build "+dir); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	got := map[string]string{}
	for tr := tar.NewReader(bytes.NewReader(b.body)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = string(h.Typeflag) + h.Linkname
		if h.Name == "a" && !h.ModTime.Equal(time.Unix(5, 0)) {
			t.Errorf("time %v", h.ModTime)
		}
	}
	if got["link"] != "2a" || got["lost"] != "2/nowhere" || got["hard"] != "1a" {
		t.Errorf("%q", got)
	}
}

func TestBuilderPrune(t *testing.T) {
	d := newFake(t)
	d.routes["POST /build/prune"] = answer(map[string]any{"CachesDeleted": []string{"c1"}, "SpaceReclaimed": 2000})
	docker(t, d, "", "builder prune -f -a --keep-storage 1k --filter until=1h").want(t, 0, "Deleted build cache objects:\nc1\n\nTotal:\t2kB\n", "")
	if seen := d.log(); !strings.Contains(strings.Join(seen, "\n"), `POST /build/prune {"all":["1"],"filters":["{\"until\":[\"1h\"]}"],"keep-storage":["1024"]}`) {
		t.Errorf("%q", seen)
	}
	if r := docker(t, d, "n\n", "builder prune"); r.code != 0 || !strings.HasPrefix(r.out, "WARNING! This will remove all dangling build cache.\n") || strings.Contains(r.out, "Total") {
		t.Errorf("%+v", r)
	}
}
