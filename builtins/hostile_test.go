package builtins

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/execdriver/fake"
)

// TestUndeclaredKeysAreRefusedByName runs every job of a whole daemon by its
// name, with keys that no job declares. No handler is reached: an engine of old
// could be told by a client to let a job through its own shutdown.
func TestUndeclaredKeysAreRefusedByName(t *testing.T) {
	world := fake.NewWorld()
	defer world.KillAll()
	b := boot(t, world, tmpdir(t))
	eng := b.srv.Engine()
	reached := make(chan string, 100)
	eng.Use(func(next engine.Handler) engine.Handler {
		return func(job *engine.Job) error {
			if job.Caller() != nil {
				reached <- job.Name
			}
			return next(job)
		}
	})
	for _, name := range eng.Commands() {
		if name == "release_interface" {
			continue // has the key for compatibility, and takes no notice of it
		}
		d, _ := eng.Describe(name)
		query := url.Values{"e": {"overrideShutdown=1"}}
		for _, arg := range d.Args {
			if !arg.Optional {
				query.Add("a", "x")
			}
		}
		req, err := http.NewRequest(http.MethodPost, "http://docker/jobs/"+name+"?"+query.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Job-Protocol", "1")
		resp, err := b.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "overrideShutdown") {
			t.Errorf("%s: %s %s %v", name, resp.Status, text, err)
		}
	}
	if len(reached) > 0 {
		t.Errorf("reached: %s", <-reached)
	}
}
