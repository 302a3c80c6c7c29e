package builtins

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/server"
)

// box is a whole daemon in this process, without privileges: scripted
// containers, copied layers, no network.
type box struct {
	t      *testing.T
	srv    *server.Server
	root   string
	sock   string
	client *http.Client
}

func config(t *testing.T, world *fake.World, dir string) server.Config {
	return server.Config{
		Root: filepath.Join(dir, "root"), Pidfile: filepath.Join(dir, "docker.pid"), Hosts: []string{"unix://" + filepath.Join(dir, "s")},
		StorageDriver: "vfs", Exec: world.Driver(fake.Options{}), Network: server.Network{Off: true},
		ShutdownTimeout: 10 * time.Second,
	}
}

func boot(t *testing.T, world *fake.World, dir string) *box {
	t.Helper()
	return bootWith(t, config(t, world, dir), dir)
}

func bootWith(t *testing.T, cfg server.Config, dir string) *box {
	t.Helper()
	srv, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	sock := filepath.Join(dir, "s")
	b := &box{t: t, srv: srv, root: filepath.Join(dir, "root"), sock: sock, client: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", sock) },
	}, Timeout: 20 * time.Second}}
	t.Cleanup(b.close)
	return b
}

func (b *box) close() {
	if err := b.srv.Close(context.Background()); err != nil {
		b.t.Errorf("closing: %v", err)
	}
}

func (b *box) do(method, path string, body io.Reader, want int) []byte {
	b.t.Helper()
	req, err := http.NewRequest(method, "http://docker"+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		b.t.Fatalf("%s %s: %d %s, %v", method, path, resp.StatusCode, text, err)
	}
	return text
}

// tmpdir is short enough for a socket's name.
func tmpdir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "boot") //nolint:usetesting // the name that TempDir makes is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func archive(t *testing.T) *bytes.Buffer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, name := range []string{"bin/", "etc/"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755, Uid: os.Getuid(), Gid: os.Getgid()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &buf
}

// TestWholeDaemon takes one container through its life, over HTTP, and one
// over a restart of the daemon.
func TestWholeDaemon(t *testing.T) {
	world, dir := fake.NewWorld(), tmpdir(t)
	defer world.KillAll()
	b := boot(t, world, dir)
	if text, err := os.ReadFile(filepath.Join(dir, "docker.pid")); err != nil || string(text) != fmt.Sprint(os.Getpid()) {
		t.Errorf("pidfile: %q, %v", text, err)
	}
	if got := b.do("GET", "/_ping", nil, 200); string(got) != "OK" {
		t.Errorf("ping: %s", got)
	}
	b.do("POST", "/images/create?fromSrc=-&repo=box", archive(t), 200)

	var created struct{ Id string }
	if err := json.Unmarshal(b.do("POST", "/containers/create?name=one", strings.NewReader(`{"Image":"box","Cmd":["echo","hello"]}`), 201), &created); err != nil {
		t.Fatal(err)
	}
	b.do("POST", "/containers/one/start", nil, 204)
	b.do("POST", "/containers/one/wait", nil, 200)
	if logs := b.do("GET", "/containers/one/logs?stdout=1", nil, 200); !bytes.HasSuffix(logs, []byte("hello\n")) {
		t.Errorf("logs: %q", logs)
	}
	b.do("POST", "/containers/create?name=one", strings.NewReader(`{"Image":"box","Cmd":["echo"]}`), 409)
	b.do("DELETE", "/containers/one", nil, 204)
	b.do("GET", "/containers/one/json", nil, 404)

	b.do("POST", "/containers/create?name=two", strings.NewReader(`{"Image":"box","Cmd":["echo","x"]}`), 201)
	var before struct{ ID string }
	if err := json.Unmarshal(b.do("GET", "/info", nil, 200), &before); err != nil {
		t.Fatal(err)
	}
	b.close()
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left beside the root: %v %v", left, err)
	}

	b = boot(t, world, dir)
	var after struct {
		ID                 string
		Containers, Images int
	}
	if err := json.Unmarshal(b.do("GET", "/info", nil, 200), &after); err != nil {
		t.Fatal(err)
	}
	if after.ID != before.ID || len(strings.Split(after.ID, ":")) != 12 || after.Containers != 1 || after.Images != 1 {
		t.Errorf("info: %+v, before: %+v", after, before)
	}
	b.do("POST", "/containers/two/start", nil, 204)
}

// TestEveryBootStepCanFail fails each step in turn, after it has come up, and
// looks for what is left.
func TestEveryBootStepCanFail(t *testing.T) {
	probe, err := New(config(t, fake.NewWorld(), tmpdir(t)))
	if err != nil {
		t.Fatal(err)
	}
	type place struct{ line, column int }
	places := map[string]place{}
	for i, line := range probe.Steps() {
		for j, step := range line {
			places[step.Name] = place{i, j}
		}
	}
	for name, at := range places {
		t.Run(name, func(t *testing.T) {
			world, dir := fake.NewWorld(), tmpdir(t)
			defer world.KillAll()
			srv, err := New(config(t, world, dir))
			if err != nil {
				t.Fatal(err)
			}
			steps := srv.Steps()
			step := &steps[at.line][at.column]
			up := step.Up
			step.Up = func(ctx context.Context) error {
				if err := up(ctx); err != nil {
					return err
				}
				return fmt.Errorf("no luck with %s", name)
			}
			srv.Use(steps)
			err = srv.Start(context.Background())
			if err == nil || !strings.Contains(err.Error(), "no luck with "+name) {
				t.Fatalf("start: %v", err)
			}
			left, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(left) > 1 || len(left) == 1 && filepath.Base(left[0]) != "root" {
				t.Errorf("left: %v %v", left, err)
			}
			again, err := New(config(t, world, dir)) // nothing is locked or bound
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Start(context.Background()); err != nil {
				t.Errorf("the next start: %v", err)
			}
			if err := again.Close(context.Background()); err != nil {
				t.Errorf("closing the next: %v", err)
			}
		})
	}
}
