package server

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/enginejobs/docker/errdefs"
)

// checkAuth runs the job auth with the credentials in the body.
func checkAuth(x *exchange, row *route) error {
	body, err := x.document()
	if err != nil {
		return err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	if !json.Valid(body) {
		return errdefs.InvalidArgument("the credentials in the body of the request are no JSON document")
	}
	job := x.job(x.r.Context(), row.job)
	job.Setenv("authConfig", string(body))
	job.SetenvBool("json", true)
	var out bytes.Buffer
	job.Stdout.Add(&out)
	if err := x.run(job); err != nil {
		return err
	}
	if out.Len() == 0 {
		x.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	var answer map[string]any
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return errdefs.Internal("reading what job %s wrote: %w", job.Name, err)
	}
	return x.sendJSON(http.StatusOK, answer)
}
