package run_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/builder/run"
	"github.com/enginejobs/docker/pkg/testutil"
	"github.com/enginejobs/docker/server/daemontest"
)

// realBench has real containers of busybox. The image is called box.
func realBench(t testing.TB, opts ...daemontest.Option) *bench {
	t.Helper()
	testutil.RequiresRoot(t)
	if _, err := os.Stat("/bin/busybox"); err != nil {
		t.Skip("there is no /bin/busybox (apt-get install busybox-static)")
	}
	d := daemontest.New(t, append(opts, daemontest.Native())...)
	d.ImportFiles(t, "box", map[string]string{"bin/sh": "/bin/busybox", "bin/busybox": "/bin/busybox"})
	return newBench(t, d)
}

// applets makes the other programs of busybox known to a script.
func applets(script string) string {
	return "export PATH=/tmp/a; /bin/busybox mkdir -p /tmp/a; /bin/busybox --install -s /tmp/a; " + script
}

func (b *bench) sh(script string, mounts ...run.Mount) string {
	b.t.Helper()
	out, res := b.do(applets(script), mounts...)
	if res.ExitCode != 0 {
		b.t.Errorf("%s: exit code %d, output %q", script, res.ExitCode, out)
	}
	return strings.TrimSpace(out)
}

func TestNativeRun(t *testing.T) {
	b := realBench(t)
	if got := b.sh("seq 100000"); strings.Count(got, "\n") != 99999 || !strings.HasSuffix(got, "\n100000") {
		t.Errorf("%d bytes", len(got))
	}
	b.noContainers()
}

func TestNativeCancel(t *testing.T) {
	b := realBench(t)
	for _, script := range []string{
		"trap '' TERM INT HUP; while :; do :; done",
		"yes",
		"(trap '' TERM; sleep 1000) & sleep 1000",
	} {
		unread := stuck{make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		req := request(applets(script))
		req.Stdout = unread
		began := time.Now()
		time.AfterFunc(300*time.Millisecond, func() { began = time.Now(); cancel() })
		_, err := b.Run(ctx, req)
		if took := time.Since(began); err == nil || took > time.Second {
			t.Errorf("%s: %v after %v", script, err, took)
		}
		b.noContainers()
		close(unread.never)
	}
}

func TestNativeBind(t *testing.T) {
	b := realBench(t)
	from := t.TempDir()
	for name, text := range map[string]string{"sub/file": "content", "other": "x"} {
		path := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(from, "out")); err != nil {
		t.Fatal(err)
	}
	ro := run.Mount{Type: run.Bind, From: from, Source: "/sub", Target: "/mnt", ReadOnly: true}
	if got := b.sh("cat /mnt/file; touch /mnt/new 2>/dev/null || echo no", ro); got != "contentno" {
		t.Errorf("read-only: %q", got)
	}
	rw := run.Mount{Type: run.Bind, From: from, Source: "sub", Target: "/mnt"}
	if got := b.sh("echo changed >/mnt/file; touch /mnt/new; cat /mnt/file; ls /mnt", rw); got != "changed\nfile\nnew" {
		t.Errorf("to write to: %q", got)
	}
	file := run.Mount{Type: run.Bind, From: from, Source: "other", Target: "/other"}
	if got := b.sh("echo y >>/other; cat /other", file); got != "xy" {
		t.Errorf("a file: %q", got)
	}
	if text, _ := os.ReadFile(filepath.Join(from, "sub/file")); string(text) != "content" {
		t.Errorf("the source was changed: %q", text)
	}
	out := run.Mount{Type: run.Bind, From: from, Source: "out", Target: "/mnt", ReadOnly: true}
	if _, _, err := b.try(t.Context(), "true", out); err == nil {
		t.Error("a link leads out of the source")
	}
	noMounts(t, b.root)
}

// noMounts fails when something is mounted below a directory.
func noMounts(t *testing.T, dir string) {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(table) {
		if bytes.Contains(line, []byte(dir)) {
			t.Errorf("mounted still: %s", line)
		}
	}
}

func TestNativeTmpfsAndStubs(t *testing.T) {
	b := realBench(t)
	tmp := run.Mount{Type: run.Tmpfs, Target: "build", Size: 1 << 20}
	req := request(applets("cp /bin/busybox true 2>/dev/null; cp /tmp/a/../../bin/sh x 2>/dev/null; stat -f -c %T /work/build; df -k /work/build | tail -n 1"))
	req.Config.WorkingDir = "/work"
	req.Mounts = []run.Mount{tmp}
	var out bytes.Buffer
	req.Stdout = &out
	res, err := b.Run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "tmpfs\n") || !strings.Contains(out.String(), "1024") {
		t.Errorf("%q", out.String())
	}
	if !slices.Equal(res.Stubs, []string{"/work/build"}) {
		t.Errorf("stubs %v", res.Stubs)
	}
	if err := b.Remove(t.Context(), res.Container); err != nil {
		t.Error(err)
	}
}

func TestNativeStubsFollowLinks(t *testing.T) {
	b := realBench(t)
	below := t.TempDir()
	for _, dir := range []string{"run", "there"} {
		if err := os.Mkdir(filepath.Join(below, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/run", filepath.Join(below, "var")); err != nil {
		t.Fatal(err)
	}
	req := request("exit 0")
	req.Below = below
	req.Mounts = []run.Mount{
		{Type: run.Tmpfs, Target: "/var/x"}, {Type: run.Tmpfs, Target: "/there"}, {Type: run.Secret, ID: "a", Data: []byte("x")},
	}
	res, err := b.Run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"/run/x", "/run/secrets/a", "/run/secrets"}; !slices.Equal(res.Stubs, want) {
		t.Errorf("stubs %v, want %v", res.Stubs, want)
	}
	if err := b.Remove(t.Context(), res.Container); err != nil {
		t.Error(err)
	}
}

func TestNativeSecret(t *testing.T) {
	b := realBench(t)
	secret := run.Mount{Type: run.Secret, ID: "token", Data: []byte("geheim")}
	got := b.sh("cat /run/secrets/token; stat -c ' %a %u' /run/secrets/token; stat -f -c %T /run/secrets/token", secret)
	if got != "geheim 400 0\ntmpfs" {
		t.Errorf("%q", got)
	}
	owned := run.Mount{Type: run.Secret, Target: "/etc/key", Data: []byte("k"), UID: 5, GID: 6, Mode: 0o640}
	if got := b.sh("stat -c '%a %u %g' /etc/key", owned); got != "640 5 6" {
		t.Errorf("%q", got)
	}
	variable := run.Mount{Type: run.Secret, ID: "v", Data: []byte("in env"), Env: "TOKEN"}
	if got := b.sh(`echo "$TOKEN"; ls /run/secrets 2>/dev/null`, variable, secret); got != "in env\ntoken" {
		t.Errorf("%q", got)
	}
	b.sh("test ! -e /run/secrets/none", run.Mount{Type: run.Secret, ID: "none"})
	noMounts(t, b.root)
	_, _, err := b.try(t.Context(), "true", run.Mount{Type: run.Secret, ID: "none", Required: true})
	if err == nil || err.Error() != "secret none: not found" {
		t.Errorf("%v", err)
	}
}

func TestNativeSSH(t *testing.T) {
	b := realBench(t)
	agent := filepath.Join(t.TempDir(), "agent.sock")
	l, err := net.Listen("unix", agent)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 16)
			n, _ := c.Read(buf)
			_, _ = c.Write(append([]byte("agent heard "), buf[:n]...))
			_ = c.Close()
		}
	}()
	ssh := run.Mount{Type: run.SSH, Socket: agent, UID: 7, Mode: 0o660}
	got := b.sh(`stat -c '%F %a %u' "$SSH_AUTH_SOCK"; echo "$SSH_AUTH_SOCK"`, ssh)
	if got != "socket 660 7\n/run/buildkit/ssh_agent.0" {
		t.Errorf("%q", got)
	}
	if got := b.talk(ssh, "hello"); got != "agent heard hello" {
		t.Errorf("%q", got)
	}
	_, _, err = b.try(t.Context(), "true", run.Mount{Type: run.SSH, Required: true})
	if err == nil || err.Error() != `no SSH key "default" forwarded from the client` {
		t.Errorf("%v", err)
	}
	b.sh(`test -z "$SSH_AUTH_SOCK"`, run.Mount{Type: run.SSH})
}

// talk says something to the socket of an agent while a command has it.
func (b *bench) talk(ssh run.Mount, text string) string {
	b.t.Helper()
	req := request("echo up; /bin/busybox sleep 0.3")
	req.Mounts = []run.Mount{ssh}
	var answer []byte
	req.Stdout = look(func() {
		found, _ := filepath.Glob(filepath.Join(b.root, "run/*/*/agent"))
		if len(found) != 1 {
			b.t.Errorf("sockets: %v", found)
			return
		}
		c, err := net.Dial("unix", found[0])
		if err != nil {
			b.t.Error(err)
			return
		}
		defer c.Close()
		_, _ = c.Write([]byte(text))
		answer, _ = io.ReadAll(c)
	})
	res, err := b.Run(b.t.Context(), req)
	if err != nil {
		b.t.Error(err)
	}
	if err := b.Remove(b.t.Context(), res.Container); err != nil {
		b.t.Error(err)
	}
	return string(answer)
}

func TestNativeCache(t *testing.T) {
	b := realBench(t)
	seed := t.TempDir()
	if err := os.WriteFile(filepath.Join(seed, "first"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	cache := run.Mount{Type: run.CacheT, ID: "pkg", Target: "/cache", From: seed, FromID: "seed", UID: 3, Mode: 0o750}
	if got := b.sh("stat -c '%a %u' /cache; cat /cache/first; echo 2 >/cache/second", cache); got != "750 3\n1" {
		t.Errorf("%q", got)
	}
	if got := b.sh("ls /cache", cache); got != "first\nsecond" {
		t.Errorf("%q", got)
	}
	other := cache
	other.ID = "other"
	if got := b.sh("ls /cache", other); got != "first" {
		t.Errorf("another cache: %q", got)
	}
	b.Restart(t)
	b.open()
	if got := b.sh("ls /cache", cache); got != "first\nsecond" {
		t.Errorf("after a restart: %q", got)
	}
}

func TestNativeKilledDaemon(t *testing.T) {
	b := realBench(t)
	dir := filepath.Join(b.root, "run", "9", "1")
	for _, name := range []string{"upper", "work", "merged"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req := request("sleep 1000")
	req.Mounts = []run.Mount{{Type: run.Bind, From: t.TempDir(), Target: "/m"}, {Type: run.Secret, ID: "s", Data: []byte("x")}}
	running := make(chan struct{})
	req.Started = func(string) { close(running) }
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = b.Run(ctx, req)
	}()
	<-running
	fresh, err := run.New(run.Options{Engine: b.Engine(), Root: b.root, Logf: t.Logf}) // as if this one had been killed
	if err == nil {
		err = fresh.Recover(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	noMounts(t, b.root)
	if left, _ := os.ReadDir(filepath.Join(b.root, "run")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	cancel()
	<-over
}
