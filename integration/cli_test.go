// Package integration drives the built daemon end to end: real processes, real
// containers. It owns nothing but what package daemonproc makes for it. Start
// reading at TestCLI, which runs the scripts of testdata, one for each command.
// Nothing imports it; every other package can be understood without it.
package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/registry/registrytest"
)

// TestCLI runs testdata/<command>.txtar with our CLI. Every script has a daemon
// of its own with the image busybox.
func TestCLI(t *testing.T) {
	daemonproc.Require(t)
	runScripts(t, "testdata", daemonproc.Binary())
}

// TestBothCLIs runs testdata/both with our CLI and again with the official one:
// what a flag does must not depend on who says it.
func TestBothCLIs(t *testing.T) {
	daemonproc.Require(t)
	t.Run("ours", func(t *testing.T) { runScripts(t, "testdata/both", daemonproc.Binary()) })
	t.Run("official", func(t *testing.T) { runScripts(t, "testdata/both", daemonproc.MustAsset(t, "client")) })
}

type daemonKey struct{}

// runScripts runs the scripts of a directory with a client; edits change how.
func runScripts(t *testing.T, dir, client string, edits ...func(*testscript.Params)) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(client, filepath.Join(bin, "docker")); err != nil {
		t.Fatal(err)
	}
	open := registrytest.New(t, registrytest.Options{})
	open.Find(map[string]any{"name": "team/found", "description": "what a search finds", "star_count": 3})
	locked := registrytest.New(t, registrytest.Options{Auth: "token", TLS: true})
	params := testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			d, err := daemonproc.New(daemonproc.Options{})
			if err != nil {
				return err
			}
			env.Defer(func() {
				if err := d.Close(); err != nil {
					t.Errorf("%s: closing the daemon: %v", filepath.Base(env.WorkDir), err)
				}
			})
			if err := d.Start(); err != nil {
				return err
			}
			if err := d.ImportBusybox(); err != nil {
				return err
			}
			env.Values[daemonKey{}] = d
			env.Setenv("DOCKER_HOST", d.Host)
			env.Setenv("HOME", d.Dir)
			env.Setenv("BRIDGE", d.Bridge)
			env.Setenv("REGISTRY", open.Host())
			env.Setenv("LOCKED_REGISTRY", locked.Host())
			env.Setenv("SUBNET", d.Subnet)
			env.Setenv("DAEMON_ROOT", d.Root)
			busybox, err := daemonproc.Asset("busybox")
			if err != nil {
				return err
			}
			env.Setenv("BUSYBOX_TAR", busybox)
			env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":    scriptCode,
			"until":   scriptUntil,
			"save":    scriptSave,
			"restart": scriptRestart,
		},
	}
	for _, edit := range edits {
		edit(&params)
	}
	testscript.Run(t, params)
}

func daemonOf(ts *testscript.TestScript) *daemonproc.Daemon {
	return ts.Value(daemonKey{}).(*daemonproc.Daemon)
}

// scriptCode runs a command that must end with a code: code 3 docker run …
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(*exec.ExitError) //nolint:errorlint // Exec gives it unwrapped
		if !ok {
			ts.Fatalf("running %s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// scriptUntil repeats a command until its output matches: until '^x' docker ps
func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP COMMAND [ARG...]")
	}
	re, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	d, out := daemonOf(ts), ""
	if !daemonproc.Poll(15*time.Second, func() bool {
		cmd := exec.Command(args[1], args[2:]...)
		if args[1] == "docker" {
			cmd.Path = d.Bin
		}
		cmd.Env = d.Environ()
		text, _ := cmd.CombinedOutput() // a failing command has another output
		out = string(text)
		return re.MatchString(out)
	}) {
		ts.Fatalf("%s never printed %q but %q", strings.Join(args[1:], " "), args[0], out)
	}
}

// scriptSave puts the last standard output, trimmed, into a variable: save ID
func scriptSave(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: save NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// scriptRestart ends the daemon, by SIGKILL with -9, and starts it again.
func scriptRestart(ts *testscript.TestScript, neg bool, args []string) {
	d := daemonOf(ts)
	if len(args) == 1 && args[0] == "-9" {
		ts.Check(d.Kill9())
	} else {
		code, err := d.Stop()
		ts.Check(err)
		if code != 0 {
			ts.Check(fmt.Errorf("the daemon ended with %d", code))
		}
	}
	ts.Check(d.Start())
}
