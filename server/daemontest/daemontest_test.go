//go:build linux

package daemontest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/pkg/testutil"
	"github.com/enginejobs/docker/server"
	"github.com/enginejobs/docker/server/daemontest"
)

// life is what a user of the official SDK does; it returns the output of a
// container that ends with 5.
func life(t *testing.T, d *daemontest.Daemon, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cli, err := client.New(client.WithHost(d.Host()))
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	created, err := cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: name, Config: &container.Config{Image: "box", Cmd: []string{"sh", "-c", "echo out; echo err >&2; exit 5"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	wait := cli.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := cli.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case exit := <-wait.Result:
		if exit.StatusCode != 5 {
			t.Errorf("status %d", exit.StatusCode)
		}
	case err := <-wait.Error:
		t.Fatal(err)
	}
	logs, err := cli.ContainerLogs(ctx, created.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	var stdout, stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, &stderr, logs); err != nil {
		t.Error(err)
	}
	return stdout.String() + stderr.String()
}

// run starts a container by jobs.
func run(t *testing.T, d *daemontest.Daemon, name string, cmd ...string) {
	t.Helper()
	job := d.Engine().Job("create", name)
	if err := job.SetenvJson("Config", map[string]any{"Image": "box", "Cmd": cmd}); err != nil {
		t.Fatal(err)
	}
	enginetest.MustRun(t, job)
	enginetest.MustRun(t, d.Engine().Job("start", name))
}

func TestFakeDaemon(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	d := daemontest.New(t, daemontest.Fake())
	if d.Native() {
		t.Error("its containers are real")
	}
	d.ImportBox(t)
	if out := life(t, d, "one"); out != "out\nerr\n" {
		t.Errorf("output %q", out)
	}
	resp, err := d.HTTPClient().Get("http://docker/_ping")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "OK" {
		t.Errorf("ping: %q %v", text, err)
	}
	if !strings.Contains(d.Log(), "ready after") {
		t.Errorf("log:\n%s", d.Log())
	}
}

func TestParallelDaemons(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d := daemontest.New(t, daemontest.Fake())
			d.ImportBox(t)
			if out := life(t, d, "same"); out != "out\nerr\n" {
				t.Errorf("output %q", out)
			}
		})
	}
}

// TestNothingIsLeft looks for the directory after the test of a daemon, one
// whose test has left a container running.
func TestNothingIsLeft(t *testing.T) {
	var dir string
	t.Run("daemon", func(t *testing.T) {
		d := daemontest.New(t, daemontest.Fake())
		dir = d.Dir()
		d.ImportBox(t)
		run(t, d, "forever", "sleep", "1000")
	})
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s: %v", dir, err)
	}
}

// TestRestart finds what was there before: the image, and the containers.
func TestRestart(t *testing.T) {
	for _, live := range []bool{false, true} {
		d := daemontest.New(t, daemontest.Fake(), daemontest.Configure(func(c *server.Config) { c.LiveRestore = live }))
		d.ImportBox(t)
		run(t, d, "forever", "sleep", "1000")
		before := d.Engine()
		d.Restart(t)
		var box struct{ State struct{ Running bool } }
		if err := d.Engine().Job("container_inspect", "forever").OutputJSON(&box); err != nil {
			t.Fatal(err)
		}
		if box.State.Running != live || before == d.Engine() {
			t.Errorf("live restore %v: runs %v", live, box.State.Running)
		}
		life(t, d, "after")
	}
}

// process is what a daemon could change of the process that it lives in.
func process(t *testing.T) map[string]string {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	now := map[string]string{"environment": strings.Join(os.Environ(), "\n")}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "Umask", "SigIgn", "SigCgt", "Uid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp":
			now[key] = strings.TrimSpace(value)
		}
	}
	if now["directory"], err = os.Getwd(); err != nil {
		t.Fatal(err)
	}
	for _, ns := range []string{"mnt", "net", "uts", "ipc", "pid"} {
		if now[ns], err = os.Readlink("/proc/thread-self/ns/" + ns); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		to, _ := os.Readlink("/proc/self/fd/" + f.Name())
		kind, _, _ := strings.Cut(to, ":")
		if kind == "socket" || kind == "pipe" || strings.Contains(to, "memfd") || strings.Contains(to, "ejd-") || strings.Contains(to, "/ns/") {
			now["descriptors of "+kind] += "x"
		}
	}
	return now
}

// TestProcessIsLeftAlone compares the process before, during and after.
func TestProcessIsLeftAlone(t *testing.T) {
	t.Run("first", func(t *testing.T) { // what the runtime opens once
		daemontest.New(t)
	})
	before := process(t)
	t.Run("daemon", func(t *testing.T) {
		d := daemontest.New(t)
		d.ImportBox(t)
		life(t, d, "one")
		during := process(t)
		for key, value := range before {
			if !strings.HasPrefix(key, "descriptors") && during[key] != value {
				t.Errorf("%s: %q, before %q", key, during[key], value)
			}
		}
	})
	after := process(t)
	for key, value := range after {
		if before[key] != value {
			t.Errorf("%s: %q, before %q", key, value, before[key])
		}
	}
}

func TestJobsCanBeFaked(t *testing.T) {
	d := daemontest.New(t, daemontest.FakeDriver(fake.Options{Delay: time.Millisecond}))
	pull := enginetest.Fake(d.Engine(), "pull")
	pull.Do = func(job *engine.Job) error {
		_, err := io.WriteString(job.Stdout, `{"status":"pulled `+job.Args[0]+`"}`+"\n")
		return err
	}
	resp, err := d.HTTPClient().Post("http://docker/images/create?fromImage=busybox&tag=1", "", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(text), "pulled busybox") {
		t.Errorf("%d %s %v", resp.StatusCode, text, err)
	}
	if c := pull.Only(t); c.Env["json"] != "1" {
		t.Errorf("call %+v", c)
	}
}

// BenchmarkNew measures a daemon from nothing to the first answer and back.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		t := &cleanups{TB: b}
		b.StartTimer()
		d := daemontest.New(t, daemontest.Fake())
		b.StopTimer()
		_ = d
		t.run()
		b.StartTimer()
	}
}

// cleanups is a test of its own inside another one.
type cleanups struct {
	testing.TB
	list []func()
}

func (c *cleanups) Cleanup(f func()) { c.list = append(c.list, f) }

func (c *cleanups) run() {
	for i := len(c.list) - 1; i >= 0; i-- {
		c.list[i]()
	}
}
