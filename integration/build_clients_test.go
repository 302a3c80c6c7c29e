package integration

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

const pythonBuild = `
import docker, io, os, tarfile
client = docker.DockerClient(base_url=os.environ["DOCKER_HOST"], version="auto", timeout=60)
here = os.environ["CONTEXT"]
image, log = client.images.build(path=here, tag="ejt/py:1", buildargs={"WHO": "docker-py"}, labels={"who": "py"}, rm=True, forcerm=True, network_mode="none")
assert image.tags == ["ejt/py:1"] and image.labels == {"who": "py"}, (image.tags, image.labels)
steps = [m["stream"].rstrip() for m in log if m.get("stream", "").startswith("Step ")]
assert steps[0] == "Step 1/6 : FROM busybox", steps
assert len(steps) == 6, steps
assert client.containers.run("ejt/py:1", remove=True, network_mode="none") == b"hello docker-py\n"
again, log = client.images.build(path=here, tag="ejt/py:2", buildargs={"WHO": "docker-py"}, labels={"who": "py"}, network_mode="none")
assert again.id == image.id, (again.id, image.id)
assert sum("Using cache" in m.get("stream", "") for m in log) == 5
image, _ = client.images.build(fileobj=io.BytesIO(b"FROM busybox\nENV FROM_MEMORY=yes\n"), tag="ejt/py:memory")
assert "FROM_MEMORY=yes" in image.attrs["Config"]["Env"]
context = io.BytesIO()
with tarfile.open(fileobj=context, mode="w:gz") as tar:
    text = b"FROM busybox AS one\nRUN echo 1 > /one\nFROM one AS two\nRUN false\n"
    info = tarfile.TarInfo("deep/Other.Dockerfile")
    info.size = len(text)
    tar.addfile(info, io.BytesIO(text))
context.seek(0)
image, _ = client.images.build(fileobj=context, custom_context=True, encoding="gzip", dockerfile="deep/Other.Dockerfile", target="one", tag="ejt/py:one")
try:
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, encoding="gzip", dockerfile="deep/Other.Dockerfile", forcerm=True)
    raise SystemExit("a failing command built")
except docker.errors.BuildError as e:
    assert "returned a non-zero code: 1" in e.msg, e.msg
    assert any("RUN false" in m.get("stream", "") for m in e.build_log)
try:
    client.images.build(path=here, dockerfile="nothing")
    raise SystemExit("a missing Dockerfile built")
except docker.errors.APIError as e:
    assert "Cannot locate specified Dockerfile" in str(e), e
print("as expected")
`

// clientContext is a small application that needs an argument.
func clientContext(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Dockerfile":    "FROM busybox\nARG WHO=nobody\nCOPY . /app/\nRUN echo hello $WHO > /hello\nCMD [\"cat\", \"/hello\"]\n",
		".dockerignore": "*.log\nDockerfile\n",
		"data.txt":      "data\n",
		"noise.log":     "noise\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// docker-py builds from directories, memory and archives of its own.
func TestPythonSDKBuilds(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import docker").Run(); err != nil {
		t.Skipf("needs Debian's python3-docker, run make deps: %v", err)
	}
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := d.Command(ctx, python, "-c", pythonBuild)
	cmd.Env = append(cmd.Env, "CONTEXT="+clientContext(t))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "as expected") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// A client of version 1.17 of the API sees what it knows: steps that are counted
// from zero, no ids beside the text, its credentials in the old shape.
func TestClassicClientBuilds(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	context := contextTar(t,
		buildFile{name: "Dockerfile", content: "FROM busybox\nMAINTAINER me\nADD file /file\nRUN cat /file; echo oops >&2\nCMD true\n"},
		buildFile{name: "file", content: "content\n"})
	b := postBuild(t, d.HTTP(), "1.17", "t=ejt/old&rm=1&q=0", bytes.NewReader(context))
	id := regexp.MustCompile(`[0-9a-f]{12}`)
	got := id.ReplaceAllString(b.text, "ID")
	// The two streams of a step are two pipes: nothing says whose line comes first.
	got = strings.Replace(got, "\x1b[91moops\n\x1b[0mcontent\n", "content\n\x1b[91moops\n\x1b[0m", 1)
	want := "Step 0 : FROM busybox\n ---> ID\nStep 1 : MAINTAINER me\n ---> ID\nStep 2 : ADD file /file\n ---> ID\n" +
		"Step 3 : RUN cat /file; echo oops >&2\n ---> Running in ID\ncontent\n\x1b[91moops\n\x1b[0mRemoving intermediate container ID\n ---> ID\n" +
		"Step 4 : CMD true\n ---> ID\nSuccessfully built ID\n"
	if got != want || b.ID != "" || b.contentType != "application/json" {
		t.Errorf("%s %q\n%q, wanted\n%q", b.contentType, b.ID, got, want)
	}
	short := strings.TrimSpace(b.text[strings.LastIndex(b.text, " "):])
	if r := d.Must(t, "inspect", "-f", "{{.Id}}", "ejt/old"); !strings.Contains(r, short) {
		t.Errorf("it was told %s, that is %s", short, r)
	}
	failed := postBuild(t, d.HTTP(), "1.17", "forcerm=1", bytes.NewReader(only(t, "FROM busybox\nRUN exit 3\n")))
	if failed.code != 3 || !strings.HasPrefix(failed.fault, "The command [/bin/sh -c exit 3] returned a non-zero code: 3") {
		t.Errorf("%+v", failed)
	}
	// A Dockerfile alone, which clients of that age wrap, and one by its name.
	named := contextTar(t, buildFile{name: "sub/D", content: "FROM busybox\nENV NAMED=1\n"})
	if b := postBuild(t, d.HTTP(), "1.17", "dockerfile=sub/D&t=ejt/named", bytes.NewReader(named)); b.fault != "" {
		t.Errorf("%+v", b)
	}
	for version, step := range map[string]string{"1.20": "Step 0 :", "1.21": "Step 1 :", "1.24": "Step 1 :", "1.25": "Step 1/1 :", "": "Step 1/1 :"} {
		b := postBuild(t, d.HTTP(), version, "", bytes.NewReader(only(t, "FROM busybox\n")))
		if !strings.HasPrefix(b.text, step) {
			t.Errorf("%s: %q", version, b.text)
		}
	}
	nothingLeft(t, d)
}
