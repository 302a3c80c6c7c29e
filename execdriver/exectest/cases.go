package exectest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

func exitCodes(s *suite) {
	for _, code := range []int{0, 1, 3, 127, 255} {
		cmd := s.command("sh", "-c", fmt.Sprintf("exit %d", code))
		s.start(cmd, execdriver.Output{})
		if e := s.wait(cmd.ID); e.Code != code || e.ID != cmd.ID || e.At.IsZero() || e.OOMKilled {
			s.Errorf("exit %d: %+v", code, e)
		}
	}
}

func outputIsSeparate(s *suite) {
	cmd := s.command("sh", "-c", "echo out; echo err >&2; echo -n tail")
	o, out := s.output()
	s.start(cmd, out)
	s.wait(cmd.ID)
	o.done.Wait()
	if o.stdout.String() != "out\ntail" || o.stderr.String() != "err\n" {
		s.Errorf("stdout %q, stderr %q", &o.stdout, &o.stderr)
	}
}

func logIsWritten(s *suite) {
	cmd := s.command("sh", "-c", "echo 'a <b> & \"c\" \\'; echo err >&2; echo -n tail")
	s.start(cmd, execdriver.Output{})
	s.wait(cmd.ID)
	if got := s.logged(cmd, "stdout"); got != "a <b> & \"c\" \\\ntail" {
		s.Errorf("stdout in the log: %q", got)
	}
	if got := s.logged(cmd, "stderr"); got != "err\n" {
		s.Errorf("stderr in the log: %q", got)
	}
}

func missingProgram(s *suite) {
	o, out := s.output()
	_, err := s.d.Start(s.ctx, s.command("no-such-program"), out)
	s.kind(err, errdefs.KindNotFound, "a missing program")
	if err != nil && !strings.Contains(err.Error(), "no-such-program") {
		s.Errorf("the error does not name the program: %v", err)
	}
	o.done.Wait() // the driver closed what it was given
}

func failureLeavesNothing(s *suite) {
	cmd := s.command("no-such-program")
	if _, err := s.d.Start(s.ctx, cmd, execdriver.Output{}); err == nil {
		s.Fatal("it started")
	}
	_, err := s.d.Pids(s.ctx, cmd.ID)
	s.kind(err, errdefs.KindNotFound, "pids after a failed start")
	states, err := s.d.Restore(s.ctx)
	if err != nil || len(states) != 0 {
		s.Errorf("restore after a failed start: %v, %v", states, err)
	}
	cmd.Process.Args = []string{"sh", "-c", "exit 4"}
	s.start(cmd, execdriver.Output{})
	if e := s.wait(cmd.ID); e.Code != 4 {
		s.Errorf("the same id again: %+v", e)
	}
}

func signals(s *suite) {
	cmd := s.command("sleep", "60")
	s.start(cmd, execdriver.Output{})
	if pids, err := s.d.Pids(s.ctx, cmd.ID); err != nil || len(pids) == 0 {
		s.Errorf("pids %v, %v", pids, err)
	}
	if err := s.d.Signal(s.ctx, cmd.ID, int(syscall.SIGKILL)); err != nil {
		s.Fatal(err)
	}
	if e := s.wait(cmd.ID); e.Code != 137 || e.OOMKilled {
		s.Errorf("killed: %+v", e)
	}
	s.kind(s.d.Signal(s.ctx, cmd.ID, int(syscall.SIGKILL)), errdefs.KindConflict, "signal after the end")
}

func stdin(s *suite) {
	cmd := s.command("cat")
	cmd.Process.OpenStdin = true
	o, out := s.output()
	s.start(cmd, out)
	in, err := s.d.Stdin(s.ctx, cmd.ID)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := in.WriteString("one\ntwo\n"); err != nil {
		s.Fatal(err)
	}
	if err := in.Close(); err != nil {
		s.Fatal(err)
	}
	if err := s.d.CloseStdin(s.ctx, cmd.ID); err != nil {
		s.Fatal(err)
	}
	if e := s.wait(cmd.ID); e.Code != 0 {
		s.Errorf("%+v", e)
	}
	o.done.Wait()
	if o.stdout.String() != "one\ntwo\n" {
		s.Errorf("stdout %q", &o.stdout)
	}

	closed := s.command("cat")
	s.start(closed, execdriver.Output{})
	if _, err := s.d.Stdin(s.ctx, closed.ID); err == nil {
		s.Error("there is a stdin that nobody asked for")
	}
	if e := s.wait(closed.ID); e.Code != 0 {
		s.Errorf("a workload without stdin reads its end: %+v", e)
	}
}

func attachLate(s *suite) {
	cmd := s.command("sh", "-c", "cat; echo end")
	cmd.Process.OpenStdin = true
	s.start(cmd, execdriver.Output{})
	o1, out1 := s.output()
	o2, out2 := s.output()
	for _, out := range []execdriver.Output{out1, out2} {
		if err := s.d.Attach(s.ctx, cmd.ID, out); err != nil {
			s.Fatal(err)
		}
	}
	if err := s.d.CloseStdin(s.ctx, cmd.ID); err != nil {
		s.Fatal(err)
	}
	s.wait(cmd.ID)
	o1.done.Wait()
	o2.done.Wait()
	if o1.stdout.String() != "end\n" || o2.stdout.String() != "end\n" {
		s.Errorf("two receivers got %q and %q", &o1.stdout, &o2.stdout)
	}
	o3, out3 := s.output()
	s.kind(s.d.Attach(s.ctx, cmd.ID, out3), errdefs.KindConflict, "attach after the end")
	o3.done.Wait()
}

func receiverVanishes(s *suite) {
	r, w, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	cmd := s.command("sh", "-c", "cat; echo one; echo two; exit 5")
	cmd.Process.OpenStdin = true
	s.start(cmd, execdriver.Output{Stdout: w})
	r.Close()
	if err := s.d.CloseStdin(s.ctx, cmd.ID); err != nil {
		s.Fatal(err)
	}
	if e := s.wait(cmd.ID); e.Code != 5 {
		s.Errorf("%+v", e)
	}
	if got := s.logged(cmd, "stdout"); got != "one\ntwo\n" {
		s.Errorf("the log has %q", got)
	}
}

func terminal(s *suite) {
	cmd := s.command("cat")
	cmd.Process.Tty, cmd.Process.OpenStdin = true, true
	cmd.Process.Height, cmd.Process.Width = 24, 80
	o, out := s.output()
	s.start(cmd, out)
	if err := s.d.Resize(s.ctx, cmd.ID, 40, 132); err != nil {
		s.Error(err)
	}
	in, err := s.d.Stdin(s.ctx, cmd.ID)
	if err != nil {
		s.Fatal(err)
	}
	defer in.Close()
	if _, err := in.WriteString("typed\n"); err != nil {
		s.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if strings.Count(s.logged(cmd, "stdout"), "typed") >= 2 { // the echo, and what cat says
			break
		}
		if time.Now().After(deadline) {
			s.Fatalf("the terminal shows %q", s.logged(cmd, "stdout"))
		}
	}
	if err := s.d.Signal(s.ctx, cmd.ID, int(syscall.SIGKILL)); err != nil {
		s.Fatal(err)
	}
	s.wait(cmd.ID)
	o.done.Wait()
	if strings.Count(o.stdout.String(), "typed") != 2 {
		s.Errorf("the receiver got %q", &o.stdout)
	}

	plain := s.command("sleep", "60")
	s.start(plain, execdriver.Output{})
	if err := s.d.Resize(s.ctx, plain.ID, 1, 1); err == nil {
		s.Error("a workload without a terminal was resized")
	}
}

func unknownID(s *suite) {
	const id = "exectest_nobody"
	_, stdinErr := s.d.Stdin(s.ctx, id)
	_, pidsErr := s.d.Pids(s.ctx, id)
	_, rootErr := s.d.RootPath(id)
	o, out := s.output()
	for doing, err := range map[string]error{
		"attach": s.d.Attach(s.ctx, id, out), "stdin": stdinErr, "close stdin": s.d.CloseStdin(s.ctx, id),
		"resize": s.d.Resize(s.ctx, id, 1, 1), "signal": s.d.Signal(s.ctx, id, 9), "pids": pidsErr,
		"remove": s.d.Remove(s.ctx, id), "root": rootErr,
		"pause": s.d.Pause(s.ctx, id), "unpause": s.d.Unpause(s.ctx, id),
	} {
		s.kind(err, errdefs.KindNotFound, doing)
	}
	o.done.Wait()
}

func startTwice(s *suite) {
	cmd := s.command("sleep", "60")
	s.start(cmd, execdriver.Output{})
	_, err := s.d.Start(s.ctx, cmd, execdriver.Output{})
	s.kind(err, errdefs.KindConflict, "a second start")
}

func removeRunning(s *suite) {
	cmd := s.command("sleep", "60")
	s.start(cmd, execdriver.Output{})
	s.kind(s.d.Remove(s.ctx, cmd.ID), errdefs.KindConflict, "remove of a running container")
	if err := s.d.Signal(s.ctx, cmd.ID, int(syscall.SIGKILL)); err != nil {
		s.Fatal(err)
	}
	s.wait(cmd.ID)
	if err := s.d.Remove(s.ctx, cmd.ID); err != nil {
		s.Fatal(err)
	}
	s.kind(s.d.Remove(s.ctx, cmd.ID), errdefs.KindNotFound, "a second remove")
}

// restore closes the driver, as the death of the daemon does, and looks at what
// the next one finds.
func restore(s *suite) {
	long := s.command("cat")
	long.Process.OpenStdin = true
	short := s.command("sh", "-c", "sleep 0.3; echo bye; exit 7")
	running := s.start(long, execdriver.Output{})
	s.start(short, execdriver.Output{})
	if err := s.d.Close(); err != nil {
		s.Fatal(err)
	}
	time.Sleep(time.Second)
	s.open()
	found := map[string]execdriver.State{}
	states, err := s.d.Restore(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	for _, st := range states {
		found[st.ID] = st
	}
	if len(found) != 2 || found[long.ID].Exit != nil || found[long.ID].Pid != running.Pid {
		s.Fatalf("restored %+v", states)
	}
	if e := found[short.ID].Exit; e == nil || e.Code != 7 || e.At.IsZero() {
		s.Errorf("the one that ended meanwhile: %+v", e)
	}
	if got := s.logged(short, "stdout"); got != "bye\n" {
		s.Errorf("its log: %q", got)
	}
	o, out := s.output()
	if err := s.d.Attach(s.ctx, long.ID, out); err != nil {
		s.Fatal(err)
	}
	in, err := s.d.Stdin(s.ctx, long.ID)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := in.WriteString("still here\n"); err != nil {
		s.Fatal(err)
	}
	in.Close()
	if err := s.d.CloseStdin(s.ctx, long.ID); err != nil {
		s.Fatal(err)
	}
	if e := s.wait(long.ID); e.Code != 0 {
		s.Errorf("%+v", e)
	}
	o.done.Wait()
	if o.stdout.String() != "still here\n" {
		s.Errorf("after the restore it printed %q", &o.stdout)
	}
}

func concurrent(s *suite) {
	const n = 20
	cmds := make([]*execdriver.Command, n)
	for i := range cmds {
		cmds[i] = s.command("sh", "-c", fmt.Sprintf("echo %d; exit %d", i, i))
	}
	var all sync.WaitGroup
	for _, cmd := range cmds {
		all.Go(func() {
			if _, err := s.d.Start(s.ctx, cmd, execdriver.Output{}); err != nil {
				s.Errorf("%s: %v", cmd.ID, err)
			}
		})
	}
	all.Wait()
	for i, cmd := range cmds {
		if e := s.wait(cmd.ID); e.Code != i {
			s.Errorf("container %d: %+v", i, e)
		}
		if got := s.logged(cmd, "stdout"); got != fmt.Sprintf("%d\n", i) {
			s.Errorf("container %d: log %q", i, got)
		}
	}
}

func canceledStart(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	cmd := s.command("sleep", "60")
	if _, err := s.d.Start(ctx, cmd, execdriver.Output{}); err == nil {
		s.Fatal("a canceled start succeeded")
	}
	_, err := s.d.Pids(s.ctx, cmd.ID)
	s.kind(err, errdefs.KindNotFound, "pids after a canceled start")
}
