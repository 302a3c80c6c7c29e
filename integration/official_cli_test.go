package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// The official CLI speaks a newer API than ours and shows what we answer in its
// own words: these tests check what a person sees.

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// fetch gets a page, again and again until a server is there.
func fetch(t *testing.T, url string) string {
	t.Helper()
	var body []byte
	var err error
	if !daemonproc.Poll(10*time.Second, func() bool {
		var resp *http.Response
		client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		if resp, err = client.Get(url); err != nil {
			return false
		}
		defer resp.Body.Close()
		body, err = io.ReadAll(resp.Body)
		return err == nil
	}) {
		t.Fatalf("fetching %s: %v", url, err)
	}
	return string(body)
}

func TestOfficialCLIPublishesAWebServer(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	port := freePort(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := d.Command(ctx, daemonproc.MustAsset(t, "client"), "run", "--rm", "--name", "web",
		"-p", fmt.Sprintf("%d:80", port), "busybox", "httpd", "-f", "-v", "-h", "/var/www")
	run.Stderr = os.Stderr
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	if page := fetch(t, fmt.Sprintf("http://127.0.0.1:%d/", port)); !strings.Contains(page, "hello from a published port") {
		t.Errorf("through loopback: %q", page)
	}
	if page := fetch(t, fmt.Sprintf("http://%s.1:%d/", d.Subnet, port)); !strings.Contains(page, "hello") {
		t.Errorf("through the bridge's address: %q", page)
	}
	ps := d.MustOfficial(t, "ps")
	for _, want := range []string{"web", "busybox", fmt.Sprintf("0.0.0.0:%d->80/tcp", port), "Up "} {
		if !strings.Contains(ps, want) {
			t.Errorf("ps has no %q:\n%s", want, ps)
		}
	}
	if got := d.MustOfficial(t, "port", "web"); !strings.Contains(got, fmt.Sprintf("80/tcp -> 0.0.0.0:%d", port)) {
		t.Errorf("port: %q", got)
	}
	d.MustOfficial(t, "stop", "-t", "1", "web")
	if err := run.Wait(); err == nil {
		t.Error("run exits 0 though its container was stopped by a signal")
	}
	if !daemonproc.Poll(5*time.Second, func() bool { return d.MustOfficial(t, "ps", "-aq") == "" }) {
		t.Error("--rm left the container")
	}
	if conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second); err == nil {
		conn.Close()
		t.Error("the port is still published")
	}
}

func TestOfficialCLIContainers(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	if got := d.MustOfficial(t, "run", "--rm", "busybox", "echo", "hello"); got != "hello" {
		t.Errorf("run: %q", got)
	}
	if r := d.Official(t, "run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3"); r.Code != 3 ||
		r.Stdout != "out\n" || r.Stderr != "err\n" {
		t.Errorf("run: %s", r)
	}
	for code, args := range map[int][]string{
		125: {"run", "--rm", "--pull=never", "no-such-image", "true"},
		126: {"run", "--rm", "busybox", "/etc/passwd"},
		127: {"run", "--rm", "busybox", "no-such-program"},
	} {
		if r := d.Official(t, args...); r.Code != code {
			t.Errorf("want exit code %d: %s", code, r)
		}
	}

	id := d.MustOfficial(t, "run", "-d", "--name", "ticker", "-e", "A=1", "busybox",
		"sh", "-c", "for i in 1 2 3 4 5; do echo tick $i; sleep 0.1; done; exec sleep 1000")
	if len(id) != 64 {
		t.Errorf("run -d printed %q", id)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	logs := d.Command(ctx, daemonproc.MustAsset(t, "client"), "logs", "-f", "ticker")
	following := make(chan string, 1)
	go func() {
		out, _ := logs.Output() // ends with the container; checked by its text
		following <- string(out)
	}()
	d.Eventually(t, "tick 5", "logs", "ticker")
	for format, want := range map[string]string{
		"{{.State.Status}}":                                   "running",
		"{{.Name}}":                                           "/ticker",
		"{{index .Config.Env 0}}":                             "A=1",
		"{{.HostConfig.NetworkMode}}":                         "",
		"{{.NetworkSettings.Networks.bridge.IPAddress}}":      d.Subnet,
		"{{.Config.Image}} {{.Driver}} {{.State.ExitCode}}":   "busybox overlay",
		"{{len .Mounts}}":                                     "0",
		"{{.HostConfig.LogConfig.Type}} {{.State.StartedAt}}": "json-file 20",
	} {
		if got := d.MustOfficial(t, "inspect", "-f", format, "ticker"); !strings.Contains(got, want) {
			t.Errorf("inspect -f %s: %q, want %q", format, got, want)
		}
	}
	d.MustOfficial(t, "stop", "-t", "0", "ticker")
	select {
	case out := <-following:
		if !strings.Contains(out, "tick 1\ntick 2\ntick 3\ntick 4\ntick 5\n") {
			t.Errorf("logs -f: %q", out)
		}
	case <-ctx.Done():
		t.Error("logs -f does not end with its container")
	}
	if got := d.MustOfficial(t, "wait", "ticker"); got != "137" {
		t.Errorf("wait: %q", got)
	}
	if ps := d.MustOfficial(t, "ps", "-a", "--format", "{{.Names}} {{.State}} {{.Status}}"); !strings.HasPrefix(ps, "ticker exited Exited (137)") {
		t.Errorf("ps: %q", ps)
	}
	d.MustOfficial(t, "start", "ticker")
	d.MustOfficial(t, "restart", "-t", "0", "ticker")
	d.MustOfficial(t, "kill", "ticker")
	d.MustOfficial(t, "rm", "ticker")
	if r := d.Official(t, "rm", "ticker"); r.Code != 1 || !strings.Contains(r.Stderr, "No such container: ticker") {
		t.Errorf("rm of nothing: %s", r)
	}
}

func TestOfficialCLIAttach(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	// Created, not run -d: only then does the end of the input belong to the workload.
	d.MustOfficial(t, "create", "-i", "--name", "reader", "busybox", "sh", "-c", "read line; echo got $line; exit 2")
	d.MustOfficial(t, "start", "reader")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	attach := d.Command(ctx, daemonproc.MustAsset(t, "client"), "attach", "reader")
	attach.Stdin = strings.NewReader("abc\n")
	out, err := attach.CombinedOutput()
	if string(out) != "got abc\n" || attach.ProcessState.ExitCode() != 2 {
		t.Errorf("attach: %v: %q", err, out)
	}
}

func TestOfficialCLIImages(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	id := d.MustOfficial(t, "import", daemonproc.MustAsset(t, "busybox"), "mine:v1")
	if !strings.HasPrefix(id, "sha256:") {
		t.Errorf("import: %q", id)
	}
	d.MustOfficial(t, "tag", "mine:v1", "other:v2")
	images := d.MustOfficial(t, "images")
	for _, want := range []string{"mine", "v1", "other", "v2", "busybox", "latest"} {
		if !strings.Contains(images, want) {
			t.Errorf("images has no %q:\n%s", want, images)
		}
	}
	if got := d.MustOfficial(t, "history", "--no-trunc", "-q", "mine:v1"); !strings.Contains(got, id) {
		t.Errorf("history: %q, want %s", got, id)
	}
	if got := d.MustOfficial(t, "inspect", "-f", "{{.Id}} {{.Os}} {{len .RootFS.Layers}}", "mine:v1"); got != id+" linux 1" {
		t.Errorf("inspect: %q", got)
	}
	if got := d.MustOfficial(t, "rmi", "other:v2"); got != "Untagged: other:v2" {
		t.Errorf("rmi: %q", got)
	}
	if got := d.MustOfficial(t, "rmi", "mine:v1"); !strings.Contains(got, "Untagged: mine:v1") {
		t.Errorf("rmi: %q", got)
	}
	if r := d.Official(t, "rmi", "mine:v1"); r.Code != 1 || !strings.Contains(r.Stderr, "No such image: mine:v1") {
		t.Errorf("rmi of nothing: %s", r)
	}
}

func TestOfficialCLISystem(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	if got := d.MustOfficial(t, "version", "-f", "{{.Server.APIVersion}} {{.Server.Os}}"); !strings.HasPrefix(got, "1.") {
		t.Errorf("version: %q", got)
	}
	if got := d.MustOfficial(t, "info", "-f", "{{.Driver}} {{.Images}} {{.ServerVersion}}"); !strings.HasPrefix(got, "overlay 1 ") {
		t.Errorf("info: %q", got)
	}
	begin := time.Now().Add(-time.Second).Unix()
	d.MustOfficial(t, "run", "--rm", "--name", "short", "busybox", "true")
	events := d.MustOfficial(t, "events", "--since", fmt.Sprint(begin), "--until", fmt.Sprint(time.Now().Add(time.Second).Unix()),
		"--filter", "type=container", "--format", "{{.Action}} {{.Actor.Attributes.name}}")
	at := 0
	for _, want := range []string{"create short", "start short", "die short", "destroy short"} {
		found := strings.Index(events[at:], want)
		if found < 0 {
			t.Fatalf("events have no %q in its place:\n%s", want, events)
		}
		at += found
	}
}
