package engine_test

import (
	"context"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
)

func TestJobs(t *testing.T) {
	eng := enginetest.New(t)
	marked, gate := make(chan struct{}), make(chan struct{})
	must(t, eng.Declare(engine.Declaration{
		Name: "work", Args: []engine.Arg{{Name: "WHAT"}, {Name: "PASSWORD", Secret: true}},
		Handler: func(job *engine.Job) error {
			job.Phase("prepare")
			close(marked)
			<-gate
			return nil
		},
	}))
	ctx, stop := context.WithCancel(engine.WithCaller(context.Background(), &engine.Caller{Client: "uid:0", Detail: "pid 1 (test)"}))
	defer stop()
	work := eng.Job("work", "x", "hunter2").SetContext(ctx)
	must(t, work.Start())
	<-marked
	list := func() []engine.JobInfo {
		var infos []engine.JobInfo
		must(t, eng.Job("jobs").OutputJSON(&infos))
		if len(infos) != 2 || infos[1].Name != "jobs" {
			t.Fatalf("got %+v", infos)
		}
		return infos
	}
	i := list()[0]
	if i.ID != work.ID() || i.Name != "work" || len(i.Args) != 2 || i.Args[0] != "x" || i.Args[1] != "***" ||
		i.Client != "uid:0" || i.Detail != "pid 1 (test)" || i.State != engine.StateRunning || i.Phase != "prepare" || i.Started.IsZero() {
		t.Errorf("got %+v", i)
	}
	stop()
	if i := list()[0]; i.State != engine.StateCancelled {
		t.Errorf("after the caller left: %+v", i)
	}
	close(gate)
	must(t, work.Wait())
}
