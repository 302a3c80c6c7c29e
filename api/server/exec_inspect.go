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
	if classic.Container, err = x.job(x.r.Context(), "container_inspect", inspect.ContainerID).Output(); err != nil {
		return err
	}
	return x.sendJSON(http.StatusOK, classic)
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
	Container     json.RawMessage
}
