package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
)

// create takes the body of any version apart and runs the job create. Lines
// that the job writes to Stderr are warnings too.
func create(x *exchange, row *route) error {
	body, err := x.document()
	if err != nil {
		return err
	}
	parts, err := decodeCreate(x.v, body)
	if err != nil {
		return err
	}
	var args []string
	if name := x.value("name"); name != "" {
		args = append(args, name)
	}
	job := x.job(x.r.Context(), row.job, args...)
	job.Setenv("Config", string(parts.config))
	if len(parts.host) > 0 {
		job.Setenv("HostConfig", string(parts.host))
	}
	if len(parts.networking) > 0 {
		job.Setenv("NetworkingConfig", string(parts.networking))
	}
	// What clients of these versions rely on when they do not say.
	if x.v < v1(40) {
		job.Setenv("DefaultIpcMode", "shareable")
	}
	if x.v < v1(41) {
		job.Setenv("DefaultCgroupnsMode", "host")
	}
	if platform := x.value("platform"); platform != "" {
		job.Setenv("Platform", platform)
	}
	var out, warnings bytes.Buffer
	job.Stdout.Add(&out)
	job.Stderr.Add(&warnings)
	if err := x.run(job); err != nil {
		return err
	}
	var created api.ContainerCreated
	if err := json.Unmarshal(out.Bytes(), &created); err != nil {
		return errdefs.Internal("job %s wrote no JSON document: %w", row.job, err)
	}
	created.Warnings = append(created.Warnings, parts.warnings...)
	for _, line := range strings.Split(warnings.String(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			created.Warnings = append(created.Warnings, line)
		}
	}
	if created.Warnings == nil && !x.textErrors() {
		created.Warnings = []string{} // null for the classic ones
	}
	return x.sendJSON(http.StatusCreated, created)
}

// sendJSON answers with one document.
func (x *exchange) sendJSON(code int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return errdefs.Internal("encoding the answer: %w", err)
	}
	x.w.Header().Set("Content-Type", "application/json")
	x.w.WriteHeader(code)
	x.w.put(append(body, '\n'))
	return nil
}
