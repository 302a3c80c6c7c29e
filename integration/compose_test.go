package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kr/pty"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestComposeScripts runs testdata/compose with docker-compose 1 and with Compose
// of today, which is built from its module. The two name containers differently:
// $S is what is between the parts. Lines for one of them begin with [one] or
// [today]; what only the new one knows, or what is too slow twice, is in compose/today.
func TestComposeScripts(t *testing.T) {
	daemonproc.Require(t)
	t.Run("one", func(t *testing.T) {
		const compose = "/usr/bin/docker-compose"
		if _, err := os.Stat(compose); err != nil {
			t.Skipf("needs Debian's docker-compose, run make deps: %v", err)
		}
		runScripts(t, "testdata/compose", daemonproc.MustAsset(t, "client"), composing(compose, "one", "_"))
	})
	today := composing(daemonproc.MustAsset(t, "compose"), "today", "-")
	for name, dir := range map[string]string{"today": "testdata/compose", "today-only": "testdata/compose/today"} {
		t.Run(name, func(t *testing.T) {
			runScripts(t, dir, daemonproc.MustAsset(t, "client"), today)
		})
	}
}

// composing gives scripts the command compose.
func composing(program, name, separator string) func(*testscript.Params) {
	return func(p *testscript.Params) {
		setup := p.Setup
		p.Setup = func(env *testscript.Env) error {
			if err := setup(env); err != nil {
				return err
			}
			bin, _, _ := strings.Cut(env.Getenv("PATH"), string(os.PathListSeparator))
			if err := os.Symlink(program, filepath.Join(bin, "compose")); err != nil && !os.IsExist(err) {
				return err
			}
			env.Setenv("S", separator)
			env.Setenv("COMPOSE_ANSI", "never")
			env.Setenv("COMPOSE_NO_ANSI", "1")
			env.Setenv("COMPOSE_PROJECT_NAME", "app")
			return nil
		}
		p.Cmds["terminal"] = scriptTerminal
		p.Condition = func(cond string) (bool, error) { return cond == name, nil }
	}
}

// scriptTerminal runs a command on a terminal, and types a file when the first
// output is there: terminal typed compose exec web sh
func scriptTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: terminal FILE COMMAND [ARG...]")
	}
	program, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), ":")[0], args[1]))
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args[2:]...)
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), append(daemonOf(ts).Environ(), "COMPOSE_PROJECT_NAME="+ts.Getenv("COMPOSE_PROJECT_NAME"))
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	ts.Check(err)
	defer tty.Close()
	typed, buf := ts.ReadFile(args[0]), make([]byte, 4096)
	for {
		n, err := tty.Read(buf)
		_, _ = ts.Stdout().Write(buf[:n]) // a buffer of the script
		if err != nil {
			break // the terminal hangs up when the command has ended
		}
		if typed != "" {
			_, err = tty.WriteString(typed)
			ts.Check(err)
			typed = ""
		}
	}
	ts.Check(cmd.Wait())
}
