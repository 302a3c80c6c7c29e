package exectest

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// execEndsWithContainer: their ends are told once each.
func execEndsWithContainer(s *suite) {
	in := s.host()
	var cmds []*execdriver.ExecCommand
	for range 5 {
		cmd := s.execCommand(in, "sleep", "600")
		s.exec(cmd, execdriver.Output{})
		cmds = append(cmds, cmd)
	}
	if err := s.d.Signal(s.ctx, in.ID, int(syscall.SIGKILL)); err != nil {
		s.Fatal(err)
	}
	for _, cmd := range cmds {
		if e := s.wait(cmd.ID); e.Code != 137 || e.Container != in.ID {
			s.Errorf("%+v", e)
		}
	}
	s.wait(in.ID)
	if err := s.d.Remove(s.ctx, in.ID); err != nil {
		s.Error(err)
	}
	time.Sleep(100 * time.Millisecond) // a second one would come now
	for _, cmd := range append(cmds, &execdriver.ExecCommand{ID: in.ID}) {
		select {
		case e := <-s.exited(cmd.ID):
			s.Errorf("it ended twice: %+v", e)
		default:
		}
	}
}

// execWhileDying starts execs all the time while the container ends.
func execWhileDying(s *suite) {
	in := s.host()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				cmd := s.execCommand(in, "sleep", "600")
				_, err := s.d.Exec(s.ctx, cmd, execdriver.Output{})
				if err == nil {
					s.wait(cmd.ID)
					continue
				}
				if !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
					s.Errorf("exec in a dying container: %v", err)
				}
			}
		})
	}
	time.Sleep(30 * time.Millisecond)
	if err := s.d.Signal(s.ctx, in.ID, int(syscall.SIGKILL)); err != nil {
		s.Error(err)
	}
	s.wait(in.ID)
	all.Wait()
}

func execConcurrent(s *suite) {
	const n = 32
	in := s.host()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			cmd := s.execCommand(in, "sh", "-c", fmt.Sprintf("echo %d; exit %d", i, i))
			var text bytes.Buffer
			r, w, err := os.Pipe()
			if err != nil {
				s.Error(err)
				return
			}
			defer r.Close()
			if _, err := s.d.Exec(s.ctx, cmd, execdriver.Output{Stdout: w}); err != nil {
				s.Errorf("exec %d: %v", i, err)
				return
			}
			if _, err := text.ReadFrom(r); err != nil || text.String() != fmt.Sprintln(i) {
				s.Errorf("exec %d says %q, %v", i, &text, err)
			}
			if e := s.wait(cmd.ID); e.Code != i {
				s.Errorf("exec %d: %+v", i, e)
			}
		})
	}
	all.Wait()
}

func execPaused(s *suite) {
	in := s.host()
	running := s.execCommand(in, "cat")
	running.Process.OpenStdin = true
	o, out := s.output()
	s.exec(running, out)
	stdin, err := s.d.Stdin(s.ctx, running.ID)
	if err != nil {
		s.Fatal(err)
	}
	defer stdin.Close()
	if err := s.d.Pause(s.ctx, in.ID); err != nil {
		s.Fatal(err)
	}
	_, err = s.d.Exec(s.ctx, s.execCommand(in, "true"), execdriver.Output{})
	s.kind(err, errdefs.KindConflict, "exec in a paused container")
	if _, err := stdin.WriteString("later\n"); err != nil {
		s.Fatal(err)
	}
	if err := s.d.CloseStdin(s.ctx, running.ID); err != nil {
		s.Fatal(err)
	}
	stdin.Close()
	select {
	case e := <-s.exited(running.ID):
		s.Errorf("it went on while it was frozen: %+v", e)
	case <-time.After(200 * time.Millisecond):
	}
	if err := s.d.Unpause(s.ctx, in.ID); err != nil {
		s.Fatal(err)
	}
	if e := s.wait(running.ID); e.Code != 0 {
		s.Errorf("%+v", e)
	}
	if o.done.Wait(); o.stdout.String() != "later\n" {
		s.Errorf("it says %q", &o.stdout)
	}
}

// execOutlivesDriver closes the driver, as the death of the daemon does, under
// an exec that prints more than a pipe holds.
func execOutlivesDriver(s *suite) {
	in := s.command("sh", "-c", "cat; echo end")
	in.Process.OpenStdin = true
	s.start(in, execdriver.Output{})
	cmd := s.execCommand(in, "sh", "-c", "sleep 0.5; seq 100000; seq 100000; sleep 0.2; exit 5")
	r, w, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	before := s.exec(cmd, execdriver.Output{Stdout: w})
	if err := s.d.Close(); err != nil {
		s.Fatal(err)
	}
	r.Close()
	time.Sleep(100 * time.Millisecond)
	s.open()
	if _, err := s.d.Restore(s.ctx); err != nil {
		s.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		pids, err := s.d.Pids(s.ctx, in.ID)
		if err != nil {
			s.Fatal(err)
		}
		if !slices.Contains(pids, before.Pid) {
			break // it was not blocked
		}
		if time.Now().After(end) {
			s.Fatalf("the exec %d is left among %v", before.Pid, pids)
		}
	}
	select { // whoever did not start it may hear of it or not
	case e := <-s.exited(cmd.ID):
		if e.Code != 5 {
			s.Errorf("%+v", e)
		}
	default:
	}
	if _, _, code := s.said(s.execCommand(in, "sh", "-c", "exit 6")); code != 6 {
		s.Errorf("the next exec: %d", code)
	}
}
