package server

import (
	"encoding/json"

	"github.com/enginejobs/docker/errdefs"
)

// imagePush runs the job push. Clients of before 1.5 send who they are in the
// body; a reply begins with the first message.
func imagePush(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	auth := x.registryAuth()
	if x.r.Header.Get("X-Registry-Auth") == "" {
		body, err := x.document()
		if err != nil {
			return err
		}
		if len(body) > 0 {
			if !json.Valid(body) {
				return errdefs.InvalidArgument("the credentials in the body of the request are no JSON document")
			}
			auth = string(body)
		}
	}
	if auth != "" {
		job.Setenv("authConfig", auth)
	}
	job.SetenvBool("json", true)
	return x.messages(job)
}
