//go:build linux

package daemontest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/server/daemontest"
)

// crash is the environment variable that makes TestCrashChild run: how it is to
// end, and which driver it uses.
const crash = "DAEMONTEST_CRASH"

// victim is what a process that is about to die tells of its daemon.
type victim struct {
	Dir, Bridge string
	Pid         int // of the container
	ID          string
}

// TestCrashChild is the process of TestCrashes that dies.
func TestCrashChild(t *testing.T) {
	how, driver, ok := strings.Cut(os.Getenv(crash), ",")
	if !ok {
		t.Skip("it is a part of TestCrashes")
	}
	opts := []daemontest.Option{daemontest.Fake()}
	if driver == "native" {
		opts = []daemontest.Option{daemontest.Native(), daemontest.Bridge()}
	}
	d := daemontest.New(t, opts...)
	d.ImportBox(t)
	run(t, d, "forever", "sleep", "1000")
	var box struct {
		ID    string `json:"Id"`
		State struct{ Pid int }
	}
	if err := d.Engine().Job("container_inspect", "forever").OutputJSON(&box); err != nil {
		t.Fatal(err)
	}
	bridge, _ := d.BridgeName()
	if err := json.NewEncoder(os.Stdout).Encode(victim{d.Dir(), bridge, box.State.Pid, box.ID}); err != nil {
		t.Fatal(err)
	}
	switch how {
	case "panic":
		go panic("in a goroutine of the code under test") //nolint:revive // what else
	case "test panic":
		panic("in the test")
	case "exit":
		os.Exit(3) //nolint:revive // what is tested
	}
	time.Sleep(time.Hour) // until it is killed, or the time of the test is over
}

// die runs TestCrashChild until it is dead.
func die(t *testing.T, how, driver string) victim {
	t.Helper()
	args := []string{"-test.run=^TestCrashChild$", "-test.timeout=1h"}
	if how == "timeout" {
		args[1] = "-test.timeout=1s"
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), crash+"="+how+","+driver)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var v victim
	if err := json.NewDecoder(out).Decode(&v); err != nil {
		_ = cmd.Process.Kill()
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if how == "kill" {
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatalf("it did not die:\n%s", stderr.String())
	}
	return v
}

// left lists what there still is of a daemon.
func left(v victim) (list []string) {
	if _, err := os.Stat(v.Dir); err == nil {
		list = append(list, "directory "+v.Dir)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || bytes.Contains(mounts, []byte(v.Dir)) {
		list = append(list, "mounts below "+v.Dir)
	}
	if v.Bridge != "" {
		// Others may have a bridge of that name by now.
		if alias, err := os.ReadFile("/sys/class/net/" + v.Bridge + "/ifalias"); err == nil && bytes.Contains(alias, []byte(v.Dir)) {
			list = append(list, "bridge "+v.Bridge)
		}
	}
	if v.Bridge != "" && v.Pid > 0 { // the number of a fake container is that of no process
		// One that is dead has no command line; this process may have to collect it.
		if line, err := os.ReadFile("/proc/" + strconv.Itoa(v.Pid) + "/cmdline"); err == nil && len(line) > 0 {
			list = append(list, fmt.Sprintf("process %d", v.Pid))
		}
	}
	cmdlines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range cmdlines {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(v.Dir)) {
			list = append(list, "process "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/docker/" + v.ID)
	return append(list, groups...)
}

func expectNothing(t *testing.T, v victim) {
	t.Helper()
	began := time.Now()
	for {
		list := left(v)
		if len(list) == 0 {
			t.Logf("nothing is left after %v", time.Since(began))
			return
		}
		if time.Since(began) > 8*time.Second {
			t.Fatalf("left: %s", strings.Join(list, "; "))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestCrashes ends test processes in every way in which they can end, and looks
// for what is left of their daemons. TestNativeCrashes does it with real
// containers.
func TestCrashes(t *testing.T) {
	for _, how := range []string{"panic", "test panic", "exit", "kill", "timeout"} {
		t.Run(how, func(t *testing.T) { expectNothing(t, die(t, how, "fake")) })
	}
}

// TestSweepOfTheDead kills a test process together with its watcher, so that
// only the next daemon can find what is left.
func TestSweepOfTheDead(t *testing.T) { sweepOfTheDead(t, "fake") }

func sweepOfTheDead(t *testing.T, driver string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
	cmd.Env = append(os.Environ(), crash+"=kill,"+driver)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var v victim
	if err := json.NewDecoder(out).Decode(&v); err != nil {
		t.Fatal(err)
	}
	children, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range children {
		pids, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", cmd.Process.Pid, task.Name()))
		for _, pid := range strings.Fields(string(pids)) {
			line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			if n, err := strconv.Atoi(pid); err == nil && bytes.Contains(line, []byte("sweeper")) {
				if p, err := os.FindProcess(n); err == nil {
					_ = p.Kill()
				}
			}
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("it did not die")
	}
	if len(left(v)) == 0 {
		t.Error("somebody has cleaned up already")
	}
	time.Sleep(5 * time.Second) // what is new is left alone for so long
	enginetest.MustRun(t, daemontest.New(t, daemontest.Fake()).Engine().Job("commands"))
	expectNothing(t, v)
}
