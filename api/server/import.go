package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// imagesCreate serves POST /images/create, which is two jobs: pull when
// fromImage is given, else import. Both report their progress as JSON messages.
func imagesCreate(x *exchange, row *route) error {
	values, err := x.values()
	if err != nil {
		return err
	}
	var job *engine.Job
	if x.value("fromImage") != "" {
		job = x.pullJob()
	} else {
		args := []string{x.value("fromSrc"), x.value("repo")}
		if tag := x.value("tag"); tag != "" {
			args = append(args, tag)
		}
		job = x.job(x.r.Context(), row.job, args...)
		job.SetenvBool("json", true)
		if changes := values["changes"]; len(changes) > 0 {
			job.SetenvList("changes", changes)
		}
		for _, name := range []string{"message", "platform"} {
			if v := x.value(name); v != "" {
				job.Setenv(name, v)
			}
		}
		// No full duplex: import writes nothing before it has read the archive, and
		// the server then knows by itself what to do with the rest of a bad one.
		if err := job.Stdin.Add(x.r.Body); err != nil {
			return err
		}
	}
	return x.messages(job)
}

// pullJob makes the job for fromImage.
func (x *exchange) pullJob() *engine.Job {
	args := []string{x.value("fromImage")}
	if tag := x.value("tag"); tag != "" {
		args = append(args, tag)
	}
	job := x.job(x.r.Context(), "pull", args...)
	job.SetenvBool("json", true)
	if platform := x.value("platform"); platform != "" {
		job.Setenv("platform", platform)
	}
	if auth := x.registryAuth(); auth != "" {
		job.Setenv("authConfig", auth)
	}
	return job
}

// messages runs a job that writes JSON messages. Once one is out the status is
// fixed, and a failure becomes the last message.
func (x *exchange) messages(job *engine.Job) error {
	out := &sink{w: x.w, code: http.StatusOK, media: "application/json", flush: true}
	job.Stdout.Add(out)
	err := x.run(job)
	if err == nil {
		out.begin()
		return nil
	}
	if !x.w.begun {
		return err
	}
	return writeErrorMessage(out, err)
}

// writeErrorMessage ends a stream of messages with an error, in both spellings.
func writeErrorMessage(w io.Writer, failure error) error {
	var message struct {
		Detail struct {
			Code    int    `json:"code,omitempty"`
			Message string `json:"message"`
		} `json:"errorDetail"`
		Error string `json:"error"`
	}
	message.Error = strings.TrimSpace(failure.Error())
	message.Detail.Message = message.Error
	var known *errdefs.Error
	if errors.As(failure, &known) {
		message.Detail.Code = known.Code
	}
	line, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\r', '\n'))
	_ = err // the client has left: it is not told
	return nil
}
