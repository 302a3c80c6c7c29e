package integration

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/integration/dockerdproc"
)

// Archives of images go from us to others and back: the ids, the layers and what
// is in them stay the same.

// threeLayers is a Dockerfile whose layers add, link, change and remove.
const threeLayers = `FROM busybox
ENV A=1
RUN ["/bin/busybox", "sh", "-c", "mkdir -p /x/y; echo hi >/x/y/f; ln /x/y/f /x/hard; ln -s y /x/soft; rm /bin/ls"]
RUN ["/bin/busybox", "sh", "-c", "echo two >/x/y/g; chown 5:6 /x/y/g; chmod 4711 /x/y/g; rm -r /x/y/f"]
LABEL b=c
CMD ["sh"]
`

const idFormat = "--format={{.Repository}}:{{.Tag}} {{.ID}}"

// sortedLines makes lists comparable.
func sortedLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestArchivesOfDockerd: what dockerd has saved loads here and back.
func TestArchivesOfDockerd(t *testing.T) {
	peer := dockerdproc.Start(t)
	d := daemonproc.Start(t, daemonproc.Options{NoImage: true, NoBridge: true})
	ours := func(t testing.TB, args ...string) string { t.Helper(); return d.MustOfficial(t, args...) }
	dir := t.TempDir()
	peer.Must(t, "import", daemonproc.MustAsset(t, "busybox"), "busybox")
	peer.MustStdin(t, []byte(threeLayers), "build", "-q", "--network=none", "-t", "three:1", "-")
	peer.Must(t, "tag", "three:1", "other.example:5000/team/three:2")
	want := sortedLines(peer.Must(t, "images", "--no-trunc", idFormat))

	theirs := filepath.Join(dir, "theirs.tar")
	peer.Must(t, "save", "-o", theirs, "three:1", "busybox", "other.example:5000/team/three")
	if out := ours(t, "load", "-i", theirs); strings.Count(out, "Loaded image: ") != 3 {
		t.Errorf("load says %q", out)
	}
	if got := sortedLines(ours(t, "images", "--no-trunc", idFormat)); got != want {
		t.Errorf("loaded here:\n%s\nwant\n%s", got, want)
	}
	for _, format := range []string{"{{json .RootFS}}", "{{json .Config.Cmd}}", "{{json .Config.Env}}", "{{json .Config.Labels}}"} {
		a, b := peer.Must(t, "inspect", "-f", format, "three:1"), ours(t, "inspect", "-f", format, "three:1")
		if a != b {
			t.Errorf("%s: dockerd has %s, we have %s", format, a, b)
		}
	}
	here := filepath.Join(dir, "here.tar")
	ours(t, "save", "-o", here, "three:1", "busybox", "other.example:5000/team/three")
	peer.Must(t, "image", "prune", "-af")
	peer.Must(t, "load", "-i", here)
	if got := sortedLines(peer.Must(t, "images", "--no-trunc", idFormat)); got != want {
		t.Errorf("loaded there:\n%s\nwant\n%s", got, want)
	}
	again := filepath.Join(dir, "again.tar")
	peer.Must(t, "save", "-o", again, "three:1", "busybox", "other.example:5000/team/three")
	if a, b := layersOf(t, theirs), layersOf(t, again); a != b {
		t.Errorf("the layers are not those that went out:\n%s\nwant\n%s", b, a)
	}
	out := ours(t, "run", "--rm", "--net", "none", "three:1", "stat", "-c", "%n %a %u:%g", "/x/y/g", "/x/hard", "/x/soft")
	if want := "/x/y/g 4711 5:6\n/x/hard 644 0:0\n/x/soft 777 0:0"; out != want {
		t.Errorf("the container sees\n%s\nwant\n%s", out, want)
	}
}

// layersOf lists the digests of the layers in an archive of docker save.
func layersOf(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "tar", "-xf", name, "--wildcards", "*/layer.tar", "--to-command=sha256sum").Output()
	if err != nil {
		t.Fatal(err)
	}
	return sortedLines(string(out))
}

// TestArchivesClassicOfDockerd: what is left of an archive for engines that know
// classic images only becomes the same images here and there.
func TestArchivesClassicOfDockerd(t *testing.T) {
	peer := dockerdproc.Start(t)
	d := daemonproc.Start(t, daemonproc.Options{NoImage: true, NoBridge: true})
	ours := func(t testing.TB, args ...string) string { t.Helper(); return d.MustOfficial(t, args...) }
	dir := t.TempDir()
	peer.Must(t, "import", daemonproc.MustAsset(t, "busybox"), "busybox")
	peer.MustStdin(t, []byte(threeLayers), "build", "-q", "--network=none", "-t", "three:1", "-")
	all, classic := filepath.Join(dir, "all.tar"), filepath.Join(dir, "classic.tar")
	peer.Must(t, "save", "-o", all, "three:1")
	shell(t, dir, "mkdir x && tar -xf all.tar -C x && rm x/manifest.json x/????????????????????????????????????????????????????????????????.json && tar -cf classic.tar -C x .")
	peer.Must(t, "image", "prune", "-af")
	peer.Must(t, "load", "-i", classic)
	ours(t, "load", "-i", classic)
	want := peer.Must(t, "inspect", "-f", "{{.Id}} {{.Parent}}", "three:1")
	if got := ours(t, "inspect", "-f", "{{.Id}} {{.Parent}}", "three:1"); got != want {
		t.Errorf("the classic image is %s, dockerd says %s", got, want)
	}
}

func shell(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// TestArchivesOfSkopeo: OCI layouts, with layers packed in every way, and
// archives of skopeo load here, and it and umoci read ours.
func TestArchivesOfSkopeo(t *testing.T) {
	daemonproc.Require(t)
	for _, program := range []string{"skopeo", "umoci"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed, and it is the peer of this test", program)
		}
	}
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	ours := func(args ...string) string { t.Helper(); return d.MustOfficial(t, args...) }
	dir := t.TempDir()
	ours("run", "--name", "cc", "--net", "none", "busybox", "sh", "-c", "mkdir /x && echo hi >/x/f && rm /bin/ls")
	ours("commit", "cc", "two:1")
	id := ours("inspect", "-f", "{{.Id}} {{json .RootFS.Layers}}", "two:1")
	ours("save", "-o", filepath.Join(dir, "ours.tar"), "two:1")
	ours("rm", "cc")
	const copying = "skopeo --insecure-policy copy -q "
	for name, script := range map[string]string{
		"docker archive": copying + "docker-archive:ours.tar:two:1 docker-archive:in.tar:sk.example/two:1",
		"oci archive":    copying + "oci-archive:ours.tar:1 oci-archive:in.tar:sk.example/two:1",
		"zstd":           copying + "--dest-compress-format zstd oci-archive:ours.tar:1 oci:z:sk.example/two:1 && tar -cf in.tar -C z .",
		"layout":         copying + "oci-archive:ours.tar:1 oci:l:sk.example/two:1 && tar -czf in.tar -C l .",
		"umoci":          copying + "oci-archive:ours.tar:1 oci:u:two:1 && umoci tag --image u:two:1 sk.example/two:1 && tar -cf in.tar -C u .",
	} {
		if err := os.RemoveAll(filepath.Join(dir, "in.tar")); err != nil {
			t.Fatal(err)
		}
		shell(t, dir, script)
		if out := ours("load", "-i", filepath.Join(dir, "in.tar")); !strings.Contains(out, "Loaded image: sk.example/two:1") {
			t.Errorf("%s: load says %q", name, out)
		}
		got := ours("inspect", "-f", "{{.Id}} {{json .RootFS.Layers}}", "sk.example/two:1")
		if _, layers, _ := strings.Cut(id, " "); !strings.HasSuffix(got, layers) {
			t.Errorf("%s: %s came back as %s", name, id, got)
		}
		if name == "docker archive" && got != id {
			t.Errorf("%s: %s came back as %s", name, id, got)
		}
		if out := ours("run", "--rm", "--net", "none", "sk.example/two:1", "cat", "/x/f"); out != "hi" {
			t.Errorf("%s: its file has %q", name, out)
		}
		ours("rmi", "sk.example/two:1")
	}
	if out := shell(t, dir, "mkdir o && tar -xf ours.tar -C o && umoci unpack --image o:1 b >/dev/null 2>&1; cat b/rootfs/x/f; ls b/rootfs/bin/ls 2>&1 || true"); !strings.HasPrefix(out, "hi\n") || !strings.Contains(out, "No such file") {
		t.Errorf("umoci has unpacked %q", out)
	}
}

// TestLoadTellsWhileItReads: progress that is written before the whole body has
// been read takes nothing of the body away.
func TestLoadTellsWhileItReads(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	saved := []byte(d.Docker("save", "busybox").Stdout)
	d.Must(t, "rmi", "busybox")
	resp, err := d.HTTP().Post("http://docker/v1.43/images/load", "application/x-tar", &inPieces{saved})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(out), "Loading layer") || !strings.Contains(string(out), "Loaded image: busybox:latest") {
		t.Errorf("got %v: %s", err, out)
	}
}

// inPieces sends its bytes slowly enough for an answer to come in between.
type inPieces struct{ rest []byte }

// Read gives a piece.
func (p *inPieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	time.Sleep(10 * time.Millisecond)
	n := copy(b[:min(len(b), 30<<10)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
