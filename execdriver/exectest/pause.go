package exectest

import (
	"syscall"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
)

// pause freezes a workload that has something to do.
func pause(s *suite) {
	cmd := s.command("cat")
	cmd.Process.OpenStdin = true
	o, out := s.output()
	s.start(cmd, out)
	in, err := s.d.Stdin(s.ctx, cmd.ID)
	if err != nil {
		s.Fatal(err)
	}
	for range 2 {
		if err := s.d.Pause(s.ctx, cmd.ID); err != nil {
			s.Fatal(err)
		}
	}
	if _, err := in.WriteString("later\n"); err != nil {
		s.Fatal(err)
	}
	in.Close()
	time.Sleep(200 * time.Millisecond)
	if got := s.logged(cmd, "stdout"); got != "" {
		s.Errorf("it printed %q while it was frozen", got)
	}
	for range 2 {
		if err := s.d.Unpause(s.ctx, cmd.ID); err != nil {
			s.Fatal(err)
		}
	}
	if err := s.d.CloseStdin(s.ctx, cmd.ID); err != nil {
		s.Fatal(err)
	}
	if e := s.wait(cmd.ID); e.Code != 0 {
		s.Errorf("%+v", e)
	}
	o.done.Wait()
	if o.stdout.String() != "later\n" {
		s.Errorf("it printed %q", &o.stdout)
	}
	s.kind(s.d.Pause(s.ctx, cmd.ID), errdefs.KindConflict, "pause after the end")
	s.kind(s.d.Unpause(s.ctx, cmd.ID), errdefs.KindConflict, "unpause after the end")
}

// killPaused ends a frozen container, which then can be removed and started again.
func killPaused(s *suite) {
	cmd := s.command("sleep", "60")
	for range 2 {
		s.start(cmd, execdriver.Output{})
		if err := s.d.Pause(s.ctx, cmd.ID); err != nil {
			s.Fatal(err)
		}
		if err := s.d.Signal(s.ctx, cmd.ID, int(syscall.SIGKILL)); err != nil {
			s.Fatal(err)
		}
		if e := s.wait(cmd.ID); e.Code != 137 {
			s.Errorf("%+v", e)
		}
		if err := s.d.Remove(s.ctx, cmd.ID); err != nil {
			s.Fatal(err)
		}
	}
}

// restorePaused leaves a frozen container to the next daemon.
func restorePaused(s *suite) {
	frozen, other := s.command("sleep", "60"), s.command("sleep", "60")
	s.start(frozen, execdriver.Output{})
	s.start(other, execdriver.Output{})
	if err := s.d.Pause(s.ctx, frozen.ID); err != nil {
		s.Fatal(err)
	}
	if err := s.d.Close(); err != nil {
		s.Fatal(err)
	}
	s.open()
	states, err := s.d.Restore(s.ctx)
	if err != nil || len(states) != 2 {
		s.Fatalf("restored %+v, %v", states, err)
	}
	for _, st := range states {
		if st.Paused != (st.ID == frozen.ID) {
			s.Errorf("restored %+v", st)
		}
	}
	if err := s.d.Unpause(s.ctx, frozen.ID); err != nil {
		s.Error(err)
	}
}
