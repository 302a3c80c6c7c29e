package enginetest_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
)

func TestFakeRecords(t *testing.T) {
	eng := enginetest.New(t)
	fake := enginetest.Fake(eng, "import")
	fake.ReadStdin = true
	fake.Stdout, fake.Stderr = "id\n", "careful\n"
	job := eng.Job("import", "-", "debian")
	job.Setenv("message", "hello")
	if err := job.Stdin.Add(strings.NewReader("layers")); err != nil {
		t.Fatal(err)
	}
	r := enginetest.Run(job)
	if r.Stdout != "id\n" || r.Stderr != "careful\n" || r.Err != nil || r.Status != engine.StatusOK {
		t.Errorf("result %+v", r)
	}
	c := fake.Only(t)
	if strings.Join(c.Args, " ") != "- debian" || c.Env["message"] != "hello" || string(c.Stdin) != "layers" {
		t.Errorf("call %+v", c)
	}
}

func TestFakeAnswers(t *testing.T) {
	eng := enginetest.New(t)
	fake := enginetest.Fake(eng, "pull")
	fake.Do = func(job *engine.Job) error { _, err := io.WriteString(job.Stdout, job.Args[0]); return err }
	if out := enginetest.MustRun(t, eng.Job("pull", "busybox")); out != "busybox" {
		t.Errorf("got %q", out)
	}
	fake.Err = errors.New("no network")
	if r := enginetest.Run(eng.Job("pull", "busybox")); !errors.Is(r.Err, fake.Err) || r.Stdout != "" {
		t.Errorf("got %+v", r)
	}
	if n := len(fake.Calls()); n != 2 {
		t.Errorf("%d calls", n)
	}
}
