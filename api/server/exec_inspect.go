package server

import (
	"encoding/json"
	"net/http"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
)

// execInspect runs the job exec_inspect. Before 1.22 the answer holds the whole
// container, and its exit code is a number also while there is none.
func execInspect(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	out, err := job.Output()
	if err != nil {
		return err
	}
	var inspect api.ExecInspect
	if err := json.Unmarshal(out, &inspect); err != nil {
		return errdefs.Internal("job %s wrote no JSON document: %w", row.job, err)
	}
	if x.v >= v1(22) {
		return x.sendJSON(http.StatusOK, inspect)
	}
	classic := classicExec{
		ID: inspect.ID, Running: inspect.Running, ProcessConfig: inspect.ProcessConfig,
		OpenStdin: inspect.OpenStdin, OpenStdout: inspect.OpenStdout, OpenStderr: inspect.OpenStderr,
	}
	if inspect.ExitCode != nil {
		classic.ExitCode = *inspect.ExitCode
	}
	if classic.Container, err = x.rawContainer(inspect.ContainerID); err != nil {
		return err
	}
	return x.sendJSON(http.StatusOK, classic)
}

// rawContainer is a running container as the daemon's own file described it,
// whatever the version: nobody shaped it for clients.
func (x *exchange) rawContainer(id string) (members, error) {
	out, err := x.job(x.r.Context(), "container_inspect", id).Output()
	if err != nil {
		return nil, err
	}
	doc, err := decodeAny(out)
	m, ok := doc.(members)
	if err != nil || !ok {
		return nil, errdefs.Internal("job container_inspect wrote no JSON object: %v", err)
	}
	if on, ok := sub(m, "State")["Running"].(bool); ok && !on {
		return nil, errdefs.Conflict("Container %s is not running", id)
	}
	for _, s := range needed(shapeInspect(), v1(11)) {
		s.edit(m)
	}
	forget(m, "HostConfig")
	return m, nil
}

// classicExec is the answer of the first versions.
type classicExec struct {
	ID            string `json:"ID"`
	Running       bool
	ExitCode      int
	ProcessConfig api.ExecProcess
	OpenStdin     bool
	OpenStderr    bool
	OpenStdout    bool
	Container     members
}
