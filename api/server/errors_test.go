package server

import (
	"fmt"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// A start whose program is missing says with which status a client ends.
func TestErrorBody_Code(t *testing.T) {
	b := newBench(t)
	b.eng.Replace("start", func(job *engine.Job) error {
		if job.Args[0] == "plain" {
			return errdefs.NotFound("No such container: plain")
		}
		return fmt.Errorf("Cannot start container x: %w", //nolint:staticcheck // classic text
			&errdefs.Error{Kind: errdefs.KindNotFound, Code: 127, Err: errdefs.NotFound("no such file")})
	})
	for path, want := range map[string]string{
		"/v1.55/containers/x/start":     `{"message":"Cannot start container x: no such file","code":127}` + "\n",
		"/v1.55/containers/plain/start": `{"message":"No such container: plain"}` + "\n",
		"/v1.18/containers/x/start":     "Cannot start container x: no such file\n",
	} {
		if w := b.do("POST", path, ""); w.Code != 404 || w.Body.String() != want {
			t.Errorf("%s: %d %q, want %q", path, w.Code, w.Body, want)
		}
	}
}
