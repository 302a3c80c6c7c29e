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
