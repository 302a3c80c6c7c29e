package server

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/enginejobs/docker/runconfig"
)

// commit runs the job commit. Its body may be a configuration. Since 1.13 the
// container is frozen unless the client says no.
func commit(x *exchange, row *route) error {
	body, err := x.document()
	if err != nil {
		return err
	}
	values, err := x.values()
	if err != nil {
		return err
	}
	job := x.job(x.r.Context(), row.job, x.value("container"))
	for _, name := range []string{"repo", "tag", "author", "comment"} {
		if v := x.value(name); v != "" {
			job.Setenv(name, v)
		}
	}
	pause := x.value("pause")
	if pause == "" && x.v >= v1(13) || truthy(pause) {
		job.SetenvBool("pause", true)
	}
	if changes := values["changes"]; len(changes) > 0 {
		if err := job.SetenvJson("changes", splitLines(changes)); err != nil {
			return err
		}
	}
	if len(body) > 0 && !bytes.Equal(body, []byte("null")) {
		var cfg runconfig.Config
		if err := decodeJSON(body, &cfg); err != nil {
			return err
		}
		if err := job.SetenvJson("config", &cfg); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	job.Stdout.Add(&out)
	if err := x.run(job); err != nil {
		return err
	}
	id := strings.TrimSpace(out.String())
	if x.v < v1(22) {
		id = strings.TrimPrefix(id, "sha256:")
	}
	return x.sendJSON(http.StatusCreated, map[string]string{"Id": id})
}

// splitLines takes apart what some clients send as one value.
func splitLines(values []string) []string {
	var lines []string
	for _, v := range values {
		for line := range strings.SplitSeq(v, "\n") {
			if strings.TrimSpace(line) != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines
}
