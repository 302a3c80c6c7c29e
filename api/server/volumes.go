package server

import (
	"encoding/json"
	"net/http"

	"github.com/enginejobs/docker/errdefs"
)

// volumeCreate takes the description apart that names the volume too.
func volumeCreate(x *exchange, row *route) error {
	body, err := x.document()
	if err != nil {
		return err
	}
	var b struct {
		Name, Driver       string
		DriverOpts, Labels map[string]string
		ClusterVolumeSpec  json.RawMessage
	}
	if len(body) > 0 {
		if err := decodeJSON(body, &b); err != nil {
			return err
		}
	}
	if len(b.ClusterVolumeSpec) > 0 && string(b.ClusterVolumeSpec) != "null" {
		return errdefs.InvalidArgument("volumes of a cluster need a swarm: this engine is not part of one")
	}
	var args []string
	if b.Name != "" {
		args = []string{b.Name}
	}
	job := x.job(x.r.Context(), row.job, args...)
	if b.Driver != "" {
		job.Setenv("driver", b.Driver)
	}
	for name, pairs := range map[string]map[string]string{"options": b.DriverOpts, "labels": b.Labels} {
		if pairs != nil { // none are shown as the client has sent them: {} or null
			if err := job.SetenvJson(name, pairs); err != nil {
				return err
			}
		}
	}
	answer := document()
	answer.code = http.StatusCreated
	return x.direct(job, answer)
}

// volumesPrune spares volumes with a name of their own since 1.42.
func volumesPrune(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if x.v >= v1(42) {
		job.SetenvBool("anonymous", true)
	}
	return x.direct(job, document())
}
