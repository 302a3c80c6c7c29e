package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// containerArchive answers with an archive; what it is of stands in a header,
// which the job writes as its first line.
func containerArchive(x *exchange, row *route) error {
	job, err := x.archiveJob(row)
	if err != nil {
		return err
	}
	job.SetenvBool("stat", true)
	out := &lineHeader{w: x.w, sink: &sink{w: x.w, code: http.StatusOK, media: "application/x-tar"}}
	job.Stdout.Add(out)
	return x.run(job)
}

// archiveJob makes the job of a row that needs a path, before anything is looked for.
func (x *exchange) archiveJob(row *route) (*engine.Job, error) {
	job, err := row.prepare(x)
	if err == nil && x.value("path") == "" {
		return nil, errdefs.InvalidArgument("bad parameter: path cannot be empty")
	}
	return job, err
}

// lineHeader puts the first line of an output into a header and the rest into
// the body.
type lineHeader struct {
	w    *response
	sink *sink
	line []byte
	over bool // the line is complete
}

// Write takes a piece of the line, or of the body.
func (l *lineHeader) Write(p []byte) (int, error) {
	if l.over {
		return l.sink.Write(p)
	}
	line, rest, over := bytes.Cut(p, []byte("\n"))
	l.line = append(l.line, line...)
	if !over {
		return len(p), nil
	}
	l.over = true
	l.w.Header().Set(api.PathStatHeader, base64.StdEncoding.EncodeToString(l.line))
	if len(rest) > 0 {
		if n, err := l.sink.Write(rest); err != nil {
			return len(line) + 1 + n, err
		}
	}
	return len(p), nil
}

// containerArchiveStat puts the whole answer into a header.
func containerArchiveStat(x *exchange, row *route) error {
	job, err := x.archiveJob(row)
	if err != nil {
		return err
	}
	out, err := job.Output()
	if err != nil {
		return err
	}
	x.w.Header().Set(api.PathStatHeader, base64.StdEncoding.EncodeToString(bytes.TrimSpace(out)))
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// containerArchivePut gives the job the body.
func containerArchivePut(x *exchange, row *route) error {
	job, err := x.archiveJob(row)
	if err != nil {
		return err
	}
	if err := job.Stdin.Add(x.r.Body); err != nil {
		return err
	}
	if err := x.run(job); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// containerCopy is the copy of the first versions, gone since 1.24. Of an unknown
// container it says nothing, and an unknown file is a failure of the server.
func containerCopy(x *exchange, row *route) error {
	if x.explicit && x.v >= v1(24) {
		x.w.WriteHeader(http.StatusNotFound)
		return nil
	}
	body, err := x.document()
	if err != nil {
		return err
	}
	var what struct{ Resource string }
	if err := json.Unmarshal(body, &what); err != nil {
		return errdefs.InvalidArgument("reading what to copy: %w", err)
	}
	if what.Resource == "" {
		if x.explicit {
			return errdefs.Internal("Path cannot be empty")
		}
		return errdefs.InvalidArgument("Path cannot be empty")
	}
	job := x.job(x.r.Context(), row.job, x.vars["name"], what.Resource)
	err = x.direct(job, stream("application/x-tar"))
	if !x.explicit || !errdefs.IsNotFound(err) {
		return err
	}
	switch text := err.Error(); {
	case strings.HasPrefix(text, "No such container"):
		x.w.WriteHeader(http.StatusNotFound)
		return nil
	case strings.HasPrefix(text, "Could not find the file"):
		return errdefs.Internal("%s", text)
	}
	return err
}
