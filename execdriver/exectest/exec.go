package exectest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// host starts a container that execs can run in.
func (s *suite) host() *execdriver.Command {
	s.Helper()
	cmd := s.command("sleep", "600")
	s.start(cmd, execdriver.Output{})
	return cmd
}

func (s *suite) execCommand(in *execdriver.Command, args ...string) *execdriver.ExecCommand {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	cmd := &execdriver.ExecCommand{
		ID: fmt.Sprintf("exectest%d_x%d", os.Getpid(), s.number), Container: in.ID,
		Process: in.Process, Security: in.Security,
	}
	cmd.Process.Args = args
	return cmd
}

func (s *suite) exec(cmd *execdriver.ExecCommand, out execdriver.Output) execdriver.State {
	s.Helper()
	st, err := s.d.Exec(s.ctx, cmd, out)
	if err != nil {
		s.Fatalf("exec %v: %v", cmd.Process.Args, err)
	}
	if st.ID != cmd.ID || st.Pid <= 0 || st.StartedAt.IsZero() || st.Exit != nil {
		s.Errorf("exec %v: state %+v", cmd.Process.Args, st)
	}
	return st
}

// said runs an exec to its end and gives its output and code.
func (s *suite) said(cmd *execdriver.ExecCommand) (stdout, stderr string, code int) {
	s.Helper()
	o, out := s.output()
	s.exec(cmd, out)
	e := s.wait(cmd.ID)
	if e.ID != cmd.ID || e.Container != cmd.Container || e.At.IsZero() {
		s.Errorf("exec %v: %+v", cmd.Process.Args, e)
	}
	o.done.Wait()
	return o.stdout.String(), o.stderr.String(), e.Code
}

func execCodes(s *suite) {
	in := s.host()
	for _, code := range []int{0, 1, 42, 127, 255} {
		if _, _, got := s.said(s.execCommand(in, "sh", "-c", fmt.Sprintf("exit %d", code))); got != code {
			s.Errorf("exit %d: %d", code, got)
		}
	}
	states, err := s.d.Restore(s.ctx)
	if err != nil || len(states) != 1 || states[0].Exit != nil {
		s.Errorf("restore lists %+v, %v", states, err)
	}
	if got := s.logged(in, "stdout"); got != "" {
		s.Errorf("an exec was logged: %q", got)
	}
}

func execOutput(s *suite) {
	in := s.host()
	stdout, stderr, code := s.said(s.execCommand(in, "sh", "-c", "echo out; echo err >&2; echo -n tail; exit 3"))
	if stdout != "out\ntail" || stderr != "err\n" || code != 3 {
		s.Errorf("stdout %q, stderr %q, code %d", stdout, stderr, code)
	}
	const lines = 200000
	stdout, _, code = s.said(s.execCommand(in, "seq", fmt.Sprint(lines)))
	n := 0
	for line := range strings.Lines(stdout) {
		if n++; line != fmt.Sprintln(n) {
			s.Fatalf("line %d is %q", n, line)
		}
	}
	if n != lines || code != 0 {
		s.Errorf("%d lines, code %d", n, code)
	}
	// Nobody wants it: nobody is blocked.
	quiet := s.execCommand(in, "seq", fmt.Sprint(lines))
	s.exec(quiet, execdriver.Output{})
	if e := s.wait(quiet.ID); e.Code != 0 {
		s.Errorf("without receivers: %+v", e)
	}
}

func execFails(s *suite) {
	in := s.host()
	try := func(cmd *execdriver.ExecCommand, want errdefs.Kind, code int, doing string) {
		o, out := s.output()
		_, err := s.d.Exec(s.ctx, cmd, out)
		s.kind(err, want, doing)
		var e *errdefs.Error
		if errors.As(err, &e); code != 0 && (e == nil || e.Code != code) {
			s.Errorf("%s: %+v has not the code %d", doing, e, code)
		}
		o.done.Wait() // the driver closed what it was given
		s.kind(s.d.Signal(s.ctx, cmd.ID, 9), errdefs.KindNotFound, "signal after "+doing)
	}
	try(s.execCommand(in, "no-such-program"), errdefs.KindNotFound, 127, "a missing program")
	try(s.execCommand(in), errdefs.KindInvalidArgument, 0, "no command")
	user := s.execCommand(in, "true")
	user.Process.User = "nobody-of-that-name"
	try(user, errdefs.KindInvalidArgument, 0, "a missing user")
	gone := s.execCommand(in, "true")
	gone.Container = "exectest_nobody"
	try(gone, errdefs.KindNotFound, 0, "a missing container")
	// After all that it works.
	if _, _, code := s.said(s.execCommand(in, "true")); code != 0 {
		s.Errorf("true gives %d", code)
	}
	taken := s.execCommand(in, "true")
	taken.ID = in.ID
	_, err := s.d.Exec(s.ctx, taken, execdriver.Output{})
	s.kind(err, errdefs.KindConflict, "the id of a container")
	long := s.execCommand(in, "sleep", "600")
	s.exec(long, execdriver.Output{})
	_, err = s.d.Exec(s.ctx, long, execdriver.Output{})
	s.kind(err, errdefs.KindConflict, "the id of an exec")
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	canceled := s.execCommand(in, "sleep", "600")
	if _, err := s.d.Exec(ctx, canceled, execdriver.Output{}); err == nil {
		s.Error("a canceled exec succeeded")
	}
	s.kind(s.d.Signal(s.ctx, canceled.ID, 9), errdefs.KindNotFound, "signal after a canceled exec")
	if err := s.d.Signal(s.ctx, in.ID, int(syscall.SIGKILL)); err != nil {
		s.Fatal(err)
	}
	s.wait(in.ID)
	s.wait(long.ID)
	_, err = s.d.Exec(s.ctx, s.execCommand(in, "true"), execdriver.Output{})
	s.kind(err, errdefs.KindConflict, "exec after the end")
}

func execProcess(s *suite) {
	in := s.host()
	cmd := s.execCommand(in, "sh", "-c", "pwd; id -u; env")
	cmd.Process.Dir, cmd.Process.User = "/tmp", "1234:5"
	cmd.Process.Env = append(cmd.Process.Env[:len(cmd.Process.Env):len(cmd.Process.Env)], "COLOR=green")
	stdout, stderr, _ := s.said(cmd)
	if !strings.HasPrefix(stdout, "/tmp\n1234\n") || !strings.Contains(stdout, "\nCOLOR=green\n") {
		s.Errorf("it says %q, %q", stdout, stderr)
	}
	plain := s.execCommand(in, "sh", "-c", "pwd; id -u")
	if stdout, _, _ := s.said(plain); stdout != "/\n0\n" {
		s.Errorf("it says %q", stdout)
	}
}

func execStdin(s *suite) {
	in := s.host()
	cmd := s.execCommand(in, "cat")
	cmd.Process.OpenStdin = true
	o, out := s.output()
	s.exec(cmd, out)
	stdin, err := s.d.Stdin(s.ctx, cmd.ID)
	if err != nil {
		s.Fatal(err)
	}
	big := strings.Repeat("all of it\n", 50000)
	if _, err := stdin.WriteString(big); err != nil {
		s.Fatal(err)
	}
	if err := stdin.Close(); err != nil {
		s.Fatal(err)
	}
	if err := s.d.CloseStdin(s.ctx, cmd.ID); err != nil {
		s.Fatal(err)
	}
	if e := s.wait(cmd.ID); e.Code != 0 {
		s.Errorf("%+v", e)
	}
	if o.done.Wait(); o.stdout.String() != big {
		s.Errorf("%d bytes of %d came back", o.stdout.Len(), len(big))
	}
	closed := s.execCommand(in, "cat")
	o, out = s.output()
	s.exec(closed, out)
	if _, err := s.d.Stdin(s.ctx, closed.ID); err == nil {
		s.Error("there is a stdin that nobody asked for")
	}
	if e := s.wait(closed.ID); e.Code != 0 {
		s.Errorf("a process without stdin reads its end: %+v", e)
	}
	o.done.Wait()
}

func execTerminal(s *suite) {
	in := s.host()
	cmd := s.execCommand(in, "sh", "-c", "stty size; cat")
	cmd.Process.Tty, cmd.Process.OpenStdin = true, true
	cmd.Process.Height, cmd.Process.Width = 24, 80
	r, w, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	defer r.Close()
	_ = r.SetReadDeadline(time.Now().Add(patience))
	s.exec(cmd, execdriver.Output{Stdout: w})
	screen := bufio.NewReader(r)
	line := func(want string) {
		s.Helper()
		got, err := screen.ReadString('\n')
		if strings.TrimRight(got, "\r\n") != want {
			s.Fatalf("the terminal shows %q, %v; want %q", got, err, want)
		}
	}
	line("24 80")
	if err := s.d.Resize(s.ctx, cmd.ID, 40, 132); err != nil {
		s.Error(err)
	}
	stdin, err := s.d.Stdin(s.ctx, cmd.ID)
	if err != nil {
		s.Fatal(err)
	}
	defer stdin.Close()
	if _, err := stdin.WriteString("typed\n"); err != nil {
		s.Fatal(err)
	}
	line("typed") // the echo
	line("typed") // what cat says
	if err := s.d.Signal(s.ctx, cmd.ID, int(syscall.SIGKILL)); err != nil {
		s.Fatal(err)
	}
	if e := s.wait(cmd.ID); e.Code != 137 {
		s.Errorf("%+v", e)
	}
	plain := s.execCommand(in, "sleep", "600")
	s.exec(plain, execdriver.Output{})
	s.kind(s.d.Resize(s.ctx, plain.ID, 1, 1), errdefs.KindConflict, "resize without a terminal")
	if err := s.d.Signal(s.ctx, plain.ID, int(syscall.SIGTERM)); err != nil {
		s.Fatal(err)
	}
	if e := s.wait(plain.ID); e.Code != 143 {
		s.Errorf("terminated: %+v", e)
	}
	s.kind(s.d.Signal(s.ctx, plain.ID, 9), errdefs.KindNotFound, "signal after the end")
}
