package server

import (
	"encoding/json"
	"net/http"

	"github.com/enginejobs/docker/errdefs"
)

// update runs the job container_update. The body is its document; before 1.40
// it could also limit the memory of the kernel, which is taken and not done.
func update(x *exchange, row *route) error {
	body, err := x.document()
	if err != nil {
		return err
	}
	if body == nil {
		return errdefs.InvalidArgument("invalid JSON: got EOF while reading request body")
	}
	var members map[string]json.RawMessage
	if err := decodeJSON(body, &members); err != nil {
		return err
	}
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if x.v < v1(23) {
		delete(members, "RestartPolicy") // not known yet
		if body, err = json.Marshal(members); err != nil {
			return errdefs.Internal("encoding the update: %w", err)
		}
	}
	job.Setenv("UpdateConfig", string(body))
	out := &sink{w: x.w, code: http.StatusOK, media: "application/json", patience: x.s.patience}
	defer out.unhurry()
	job.Stdout.Add(out)
	if err := x.run(job); err != nil {
		return err
	}
	out.begin()
	return nil
}
