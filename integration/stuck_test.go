package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// A container that is stuck, in whatever way, holds up nobody but who wants
// something of it, and they get an answer too.

// TestStuck gets a container stuck in each way and looks how the others do.
func TestStuck(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true})
	api := newCaller(d)
	for _, c := range []struct {
		name  string
		stick func(t *testing.T, d *daemonproc.Daemon) (free func())
		dies  bool // KILL is enough to remove it
	}{
		{"frozen", stickFrozen, true},
		{"stopped by a signal", stickStopped, true},
		{"file system does not answer", stickFUSE, false},
		{"attach that nobody reads", stickAttach, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			normal := othersDo(t, api)
			free := c.stick(t, d)
			defer free()
			noSlower(t, normal, othersDo(t, api))
			if c.dies {
				removes(t, api, "stuck")
				return
			}
			refusesInTime(t, d, api)
			noSlower(t, normal, othersDo(t, api))
			free()
			removes(t, api, "stuck")
		})
	}
}

// removes demands that a container can be removed now.
func removes(t *testing.T, api *caller, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := api.call(ctx, "DELETE", "/containers/"+name+"?force=1", nil, nil); err != nil {
		t.Errorf("removing %s: %v", name, err)
	}
}

// refusesInTime asks for the end of a container that cannot end: there is a
// clear error after a while, and who leaves earlier leaves nothing behind.
func refusesInTime(t *testing.T, d *daemonproc.Daemon, api *caller) {
	t.Helper()
	var all sync.WaitGroup
	for _, c := range []struct{ method, path string }{
		{"POST", "/containers/stuck/stop?t=1"}, {"POST", "/containers/stuck/kill"}, {"DELETE", "/containers/stuck?force=1"},
	} {
		all.Go(func() {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := api.call(ctx, c.method, c.path, nil, nil)
			var refused *apiError
			if !errors.As(err, &refused) || refused.status != http.StatusInternalServerError || !strings.Contains(refused.text, "stuck in the kernel") {
				t.Errorf("%s %s after %v: %v", c.method, c.path, time.Since(began), err)
			}
		})
	}
	all.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := api.call(ctx, "POST", "/containers/stuck/stop?t=60", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a stop that nobody waits for: %v", err)
	}
	if !daemonproc.Poll(3*time.Second, func() bool { return !strings.Contains(jobs(t, d), `"stop"`) }) {
		t.Errorf("a stop that nobody waits for goes on: %s", jobs(t, d))
	}
}

// othersDo measures what users do beside the stuck container: the medians.
func othersDo(t *testing.T, api *caller) map[string]time.Duration {
	t.Helper()
	took := map[string][]time.Duration{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	step := func(name, method, path string, body, answer any) {
		began := time.Now()
		if err := api.call(ctx, method, path, body, answer); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		took[name] = append(took[name], time.Since(began))
	}
	for range 15 {
		var made struct{ ID string }
		body := map[string]any{"Image": "busybox", "Cmd": []string{"sleep", "1000"}, "HostConfig": map[string]any{"NetworkMode": "none"}}
		step("create", "POST", "/containers/create", body, &made)
		step("start", "POST", "/containers/"+made.ID+"/start", nil, nil)
		step("list", "GET", "/containers/json?all=1", nil, nil)
		step("inspect", "GET", "/containers/"+made.ID+"/json", nil, nil)
		step("info", "GET", "/info", nil, nil)
		step("stop", "POST", "/containers/"+made.ID+"/stop?t=0", nil, nil)
		step("remove", "DELETE", "/containers/"+made.ID, nil, nil)
	}
	// The stuck one can be looked at, too.
	var list []struct{ Names []string }
	step("names", "GET", "/containers/json", nil, &list)
	if len(list) > 0 {
		step("inspect it", "GET", "/containers/stuck/json", nil, nil)
		step("logs of it", "GET", "/containers/stuck/logs?stdout=1&tail=1", nil, nil)
	}
	medians := map[string]time.Duration{}
	for name, all := range took {
		slices.Sort(all)
		medians[name] = all[len(all)/2]
	}
	return medians
}

// noSlower allows twice as long, and what a busy machine adds.
func noSlower(t *testing.T, normal, now map[string]time.Duration) {
	t.Helper()
	const noise = 15 * time.Millisecond
	for name, before := range normal {
		if now[name] > 2*before+noise {
			t.Errorf("%s takes %v beside a stuck container, %v without", name, now[name], before)
		}
	}
	t.Logf("without: %v; beside a stuck container: %v", normal, now)
}

// runStuck runs the container that will be stuck.
func runStuck(t *testing.T, d *daemonproc.Daemon, args ...string) (id string, pid int) {
	t.Helper()
	id = d.Must(t, append([]string{"run", "-d", "--name", "stuck", "--net", "none"}, args...)...)
	if _, err := fmt.Sscan(d.Must(t, "inspect", "-f", "{{.State.Pid}}", id), &pid); err != nil {
		t.Fatal(err)
	}
	return id, pid
}

// stickFrozen freezes a container behind the back of the daemon.
func stickFrozen(t *testing.T, d *daemonproc.Daemon) func() {
	id, _ := runStuck(t, d, "busybox", "sleep", "1000")
	found, err := filepath.Glob("/sys/fs/cgroup/freezer/docker/" + id + "/freezer.state")
	if err != nil || len(found) != 1 {
		t.Skipf("no freezer of cgroup v1 here: %v %v", found, err)
	}
	set := func(state string) {
		if err := os.WriteFile(found[0], []byte(state), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
	set("FROZEN")
	return func() { set("THAWED") }
}

func stickStopped(t *testing.T, d *daemonproc.Daemon) func() {
	_, pid := runStuck(t, d, "busybox", "sleep", "1000")
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return func() {}
}

// stickAttach attaches to a container that says much, and reads nothing.
func stickAttach(t *testing.T, d *daemonproc.Daemon) func() {
	runStuck(t, d, "--log-opt", "max-size=1m", "busybox", "sh", "-c", "sleep 0.3; while :; do echo 0123456789012345678901234567890123456789; done")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", d.Socket())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST /containers/stuck/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // every buffer on the way is full
	return func() { _ = conn.Close() }
}

// TestHungVolume binds a directory whose file system does not answer: only the
// create that wants it waits.
func TestHungVolume(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true})
	api := newCaller(d)
	normal := othersDo(t, api)
	fs := mountHung(t)
	fs.hang.Store(true)
	made := make(chan error, 1)
	go func() {
		body := map[string]any{"Image": "busybox", "Cmd": []string{"true"}, "HostConfig": map[string]any{"Binds": []string{fs.dir + ":/data"}}}
		made <- api.call(t.Context(), "POST", "/containers/create?name=hung", body, nil)
	}()
	time.Sleep(100 * time.Millisecond)
	noSlower(t, normal, othersDo(t, api))
	fs.free()
	select {
	case <-made: // it may work now or not
	case <-time.After(10 * time.Second):
		t.Error("the create goes on for ever")
	}
}

// TestDiskFullOfLogs fills the disk with a log. The workload goes on, others do what
// needs no disk, and removing makes room.
func TestDiskFullOfLogs(t *testing.T) {
	daemonproc.Require(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true, Root: filepath.Join(dir, "root")})
	d.Must(t, "run", "-d", "--name", "calm", "busybox", "sleep", "1000")
	d.Must(t, "run", "-d", "--name", "stuck", "busybox", "sh", "-c", "while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done")
	var fs syscall.Statfs_t
	if !daemonproc.Poll(30*time.Second, func() bool { return syscall.Statfs(dir, &fs) == nil && fs.Bavail == 0 }) {
		t.Fatalf("the disk does not fill: %d blocks are free", fs.Bavail)
	}
	for _, args := range [][]string{{"ps"}, {"inspect", "calm"}, {"inspect", "stuck"}, {"info"}, {"logs", "--tail", "1", "stuck"}, {"stop", "-t", "0", "calm"}} {
		r := d.Docker(args...)
		if r.Code != 0 || r.Took > 3*time.Second {
			t.Errorf("on a full disk: %s", r)
		}
	}
	if got := d.Must(t, "inspect", "-f", "{{.State.Running}}", "stuck"); got != "true" {
		t.Errorf("the workload has ended: %s", got)
	}
	d.Must(t, "rm", "-f", "stuck")
	var r daemonproc.Result // the room is there when who wrote the log has closed it
	if !daemonproc.Poll(5*time.Second, func() bool { r = d.Docker("run", "--rm", "busybox", "true"); return r.Code == 0 }) {
		t.Errorf("after the removal: %s", r)
	}
}

// TestStopWithStuck ends a daemon that has a container which cannot end: in
// bounded time, and the next daemon has the container again.
func TestStopWithStuck(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true})
	free := stickFUSE(t, d)
	defer free()
	began := time.Now()
	_, err := d.Stop() // gives up after 30 seconds
	t.Logf("the stop took %v", time.Since(began))
	if err != nil {
		t.Error(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	d.Must(t, "ps", "-a")
	free()
	removes(t, newCaller(d), "stuck")
}
