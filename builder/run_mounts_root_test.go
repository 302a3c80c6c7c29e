package builder_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/server/daemontest"
)

// kit is a native daemon and a context.
type kit struct {
	*daemontest.Daemon
	t     *testing.T
	files map[string]string
	env   func(*engine.Job)
}

func newKit(t *testing.T) *kit {
	d := nativeDaemon(t)
	return &kit{Daemon: d, t: t, files: map[string]string{}, env: nothing}
}

func nothing(*engine.Job) {}

// build runs a build and returns what it wrote.
func (k *kit) build(ctx context.Context, lines ...string) (string, error) {
	k.t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	k.files["Dockerfile"] = "FROM box\nSHELL [\"/bin/sh\", \"-ec\"]\nRUN /bin/busybox mkdir -p /bin /var /run /tmp; /bin/busybox --install -s /bin; ln -s /run /var/run\n" +
		strings.Join(lines, "\n") + "\n"
	for name, text := range k.files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			k.t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			k.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		k.t.Fatal(err)
	}
	job := k.Engine().Job("build").SetContext(ctx)
	job.SetenvBool("rm", true)
	job.SetenvBool("forcerm", true)
	job.SetenvList("t", []string{"made"})
	k.env(job)
	if err := job.Stdin.Add(&b); err != nil {
		k.t.Fatal(err)
	}
	out, err := job.Output()
	return string(out), err
}

func (k *kit) must(lines ...string) string {
	k.t.Helper()
	out, err := k.build(k.t.Context(), lines...)
	if err != nil {
		k.t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func TestRunMounts_LeaveNothingInTheImage(t *testing.T) {
	k := newKit(t)
	agent := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", agent)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const text = "the-secret-that-nobody-may-find"
	k.files["sub/file"] = "of the context"
	k.env = func(job *engine.Job) {
		err := errors.Join(job.SetenvJson("secrets", map[string][]byte{"token": []byte(text)}), job.SetenvJson("ssh", map[string]string{"default": agent}))
		if err != nil {
			t.Fatal(err)
		}
	}
	k.must(
		`RUN --mount=type=secret,id=token --mount=type=secret,id=token,target=/etc/deep/below/key,env=TOKEN --mount=type=ssh \`,
		`  --mount=type=cache,target=/var/run/cache --mount=type=tmpfs,target=/scratch --mount=type=bind,source=sub,target=/src/sub \`,
		`  test "$(cat /run/secrets/token)" = "$TOKEN" && test ${#TOKEN} = `+strconv.Itoa(len(text))+` && test -S "$SSH_AUTH_SOCK" && \`,
		`  test "$(cat /src/sub/file)" = "of the context" && echo 1 >/run/cache/x && echo 2 >/scratch/y && echo 3 >/src/kept`,
		`RUN test ! -e /run/secrets && test ! -e /run/cache && test ! -e /scratch && test ! -e /etc/deep && test ! -e /run/buildkit`,
		`RUN test "$(cat /src/kept)" = 3 && test ! -e /src/sub && test -z "$TOKEN$SSH_AUTH_SOCK"`,
		`RUN --mount=type=cache,target=/var/run/cache test "$(cat /run/cache/x)" = 1`,
	)
	for _, job := range []string{"image_inspect", "history"} {
		shown := enginetest.MustRun(t, k.Engine().Job(job, "made"))
		if strings.Contains(shown, text) || strings.Contains(shown, "SSH_AUTH_SOCK=") {
			t.Errorf("%s shows what only the command had: %s", job, shown)
		}
	}
	k.nothingLeft()
}

// TestRunSecrets_AreOnNoDisk looks for the value in all files of the daemon while the
// command runs and after it.
func TestRunSecrets_AreOnNoDisk(t *testing.T) {
	k := newKit(t)
	const text = "geheimnis-4711"
	k.env = func(job *engine.Job) {
		if err := job.SetenvJson("secrets", map[string][]byte{"token": []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	over := make(chan error, 1)
	go func() {
		out, err := k.build(t.Context(), `RUN --mount=type=secret,id=token,env=TOKEN,target=/key sleep 0.6; test -n "$TOKEN"`)
		if err != nil {
			t.Log(out)
		}
		over <- err
	}()
	time.Sleep(400 * time.Millisecond)
	k.search(text)
	if err := <-over; err != nil {
		t.Error(err)
	}
	k.search(text)
	k.nothingLeft()
}

// search looks into every file below the root, on the same file system.
func (k *kit) search(text string) {
	k.t.Helper()
	err := filepath.WalkDir(filepath.Join(k.Dir(), "root"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // it has gone meanwhile
		}
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(b, []byte(text)) && !strings.Contains(path, "/builder/run/run/") {
			k.t.Errorf("%s has the secret", path)
		}
		return nil
	})
	if err != nil {
		k.t.Error(err)
	}
}

// nothingLeft fails when a build has left a container, a mount or a scratch file.
func (k *kit) nothingLeft() {
	k.t.Helper()
	job := k.Engine().Job("containers")
	job.SetenvBool("all", true)
	if out := strings.TrimSpace(enginetest.MustRun(k.t, job)); out != "[]" {
		k.t.Errorf("containers that are left: %s", out)
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || bytes.Contains(table, []byte(filepath.Join(k.Dir(), "root/builder"))) {
		k.t.Errorf("mounts that are left: %v\n%s", err, table)
	}
	if left, _ := filepath.Glob(filepath.Join(k.Dir(), "root/builder/run/run/*")); len(left) > 0 {
		k.t.Errorf("scratch directories that are left: %v", left)
	}
}

func TestRunCancel(t *testing.T) {
	k := newKit(t)
	for _, command := range []string{
		"trap '' TERM INT; while :; do :; done",
		"yes",
		"cat /dev/zero >/fill & cat /dev/zero >/fill2",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() {
			_, err := k.build(ctx, "RUN "+command)
			over <- err
		}()
		time.Sleep(700 * time.Millisecond)
		began := time.Now()
		cancel()
		if err := <-over; err == nil {
			t.Errorf("%s: no error", command)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: ended %v after the cancel", command, took)
		}
		k.nothingLeft()
	}
}
