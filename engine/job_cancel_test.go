package engine_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func TestJobCancel(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("wait", func(job *engine.Job) error { <-job.Context().Done(); return job.Context().Err() }))
	must(t, eng.Register("outer", func(job *engine.Job) error { return job.Job("wait").Run() }))
	start := func(name string) (*engine.Job, string) {
		j := eng.Job(name)
		must(t, j.Start())
		_, number, _ := strings.Cut(j.ID(), ".")
		return j, number
	}
	canceled := func(j *engine.Job) {
		t.Helper()
		if err := j.Wait(); !errdefs.Is(err, errdefs.KindCanceled) {
			t.Errorf("job %s ended with %v", j.ID(), err)
		}
	}
	byID, _ := start("wait")
	must(t, eng.Job("job_cancel", byID.ID()).Run())
	canceled(byID)
	byNumber, number := start("outer")
	must(t, eng.Job("job_cancel", number).Run())
	canceled(byNumber)

	// What cannot be found keeps nobody else alive.
	third, _ := start("wait")
	n, err := strconv.Atoi(number)
	must(t, err)
	for _, wrong := range []string{"", "x", "1.2.3", "00000000." + number, third.ID() + "0", "-1", strconv.Itoa(n)} {
		if err := eng.Job("job_cancel", wrong).Run(); !errdefs.IsNotFound(err) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if err := eng.Job("job_cancel", "nope", third.ID()).Run(); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "nope") {
		t.Errorf("got %v", err)
	}
	canceled(third)
	if err := eng.Job("job_cancel").Run(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("without an id: %v", err)
	}
}

// What the program does on its own account, such as listening, is not for
// clients to end: a slip in a number would end the daemon.
func TestJobCancelOwn(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Register("wait", func(job *engine.Job) error { <-job.Context().Done(); return job.Context().Err() }))
	outside := engine.WithCaller(t.Context(), &engine.Caller{Client: "uid:0"})
	own, asked := eng.Job("wait"), eng.Job("wait").SetContext(outside)
	must(t, own.Start())
	must(t, asked.Start())

	err := eng.Job("job_cancel", own.ID(), asked.ID()).SetContext(outside).Run()
	if !errdefs.Is(err, errdefs.KindForbidden) || !strings.Contains(err.Error(), "job wait ("+own.ID()+") is the engine's own work") {
		t.Errorf("got %v", err)
	}
	if err := asked.Wait(); !errdefs.Is(err, errdefs.KindCanceled) {
		t.Errorf("the job of a client ended with %v", err)
	}
	if list := eng.Running(); len(list) != 1 || list[0].State != engine.StateRunning {
		t.Errorf("running: %+v", list)
	}
	// The program itself may.
	must(t, eng.Job("job_cancel", own.ID()).Run())
	if err := own.Wait(); !errdefs.Is(err, errdefs.KindCanceled) {
		t.Errorf("the program's own job ended with %v", err)
	}
}
