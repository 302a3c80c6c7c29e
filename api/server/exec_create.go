package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// execBody is what clients describe a further process with. Members that a
// version does not have yet are ignored, as they were.
type execBody struct {
	AttachStdin, AttachStdout, AttachStderr, Tty, Privileged bool

	DetachKeys, User, WorkingDir string
	Env                          []string
	Cmd                          runconfig.Strings
	ConsoleSize                  *[2]uint16
}

// execCreate runs the job exec_create.
func execCreate(x *exchange, row *route) error {
	var b execBody
	if err := x.execDocument(&b); err != nil {
		return err
	}
	if x.v < v1(19) {
		b.User = ""
	}
	if x.v < v1(21) {
		b.Privileged = false
	}
	if len(b.Cmd) == 0 { // before the container is looked for
		return errdefs.InvalidArgument("No exec command specified")
	}
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if err := b.set(job); err != nil {
		return err
	}
	var out bytes.Buffer
	job.Stdout.Add(&out)
	if err := x.run(job); err != nil {
		return err
	}
	created := struct {
		Id       string   `json:"Id"` //nolint:revive // wire name
		Warnings []string `json:",omitempty"`
	}{Id: strings.TrimSpace(out.String())}
	return x.sendJSON(http.StatusCreated, created)
}

func (b *execBody) set(job *engine.Job) error {
	for name, on := range map[string]bool{
		"AttachStdin": b.AttachStdin, "AttachStdout": b.AttachStdout, "AttachStderr": b.AttachStderr,
		"Tty": b.Tty, "Privileged": b.Privileged,
	} {
		if on {
			job.SetenvBool(name, true)
		}
	}
	for name, text := range map[string]string{"DetachKeys": b.DetachKeys, "User": b.User, "WorkingDir": b.WorkingDir} {
		if text != "" {
			job.Setenv(name, text)
		}
	}
	if len(b.Env) > 0 {
		if err := job.SetenvJson("Env", b.Env); err != nil {
			return err
		}
	}
	if b.ConsoleSize != nil {
		if err := job.SetenvJson("ConsoleSize", b.ConsoleSize); err != nil {
			return err
		}
	}
	return job.SetenvJson("Cmd", []string(b.Cmd))
}

// execDocument decodes the body of a request about a further process. Before
// 1.22 its content type did not matter, which clients of that time rely on, and
// before 1.19 neither did the types of its members.
func (x *exchange) execDocument(into any) error {
	read := x.document
	if x.v < v1(22) {
		read = x.anyDocument
	}
	body, err := read()
	if err != nil {
		return err
	}
	if x.v < v1(19) && body != nil {
		top, err := classicObject(x.v, body)
		if err != nil {
			return err
		}
		if body, err = json.Marshal(top); err != nil {
			return invalidJSON(err)
		}
	}
	return decodeJSON(body, into)
}
