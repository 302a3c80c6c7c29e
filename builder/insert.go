package builder

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/enginejobs/docker/builder/remote"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/jsonstream"
)

func (b *Builder) insertDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "insert", Summary: "Download a file into an image, as a new image, and print its id.", Changes: true,
		Args: []engine.Arg{
			{Name: "IMAGE", Summary: "name or id"},
			{Name: "URL", Summary: "http or https", Secret: true},
			{Name: "PATH", Summary: "of the file in the image"},
		},
		Env:    []engine.Key{{Name: "json", Type: engine.Bool, Summary: "write JSON messages"}},
		Stdout: engine.Bytes, Handler: b.jobInsert,
	}
}

// jobInsert is from before there was ADD: clients of API 1.11 and older call it.
//
// Usage:  insert IMAGE URL PATH
// Env:    json
// Stdout: the id of the new image, as text or as the status of a message.
// Jobs:   build, of a Dockerfile of these two lines.
// Errors: NotFound (image), InvalidArgument (URL, path), Unavailable (the server).
func (b *Builder) jobInsert(job *engine.Job) error {
	img, err := b.opt.Images.Image(job.Args[0])
	if err != nil {
		return err
	}
	if !remote.IsHTTP(job.Args[1]) {
		return errdefs.InvalidArgument("what is inserted must be a URL of http or https")
	}
	dest := path.Join("/", job.Args[2])
	if dest == "/" || strings.HasSuffix(job.Args[2], "/") {
		return errdefs.InvalidArgument("invalid path %q: it must name the file in the image", job.Args[2])
	}
	add, err := json.Marshal([]string{job.Args[1], dest})
	if err != nil {
		return errdefs.Internal("encoding the arguments: %w", err)
	}
	build := b.job(job.Context(), "build")
	build.SetenvBool("json", true)
	if err := build.Stdin.Add(strings.NewReader(fmt.Sprintf("FROM %s\nADD --chmod=644 %s\n", img.ID, add))); err != nil {
		return err
	}
	out := jsonstream.NewWriter(io.Discard, false) // text is the id alone
	if job.GetenvBool("json") {
		out = jsonstream.NewWriter(job.Stdout, true)
	}
	messages := build.Stdout.AddPipe()
	if err := build.Start(); err != nil {
		return err
	}
	id, err := inserted(messages, out)
	cerr := messages.Close() // what could not be passed on ends the build
	if err = cmp.Or(build.Wait(), err, cerr); err != nil {
		return fmt.Errorf("inserting %s into image %s: %w", dest, job.Args[0], err)
	}
	if job.GetenvBool("json") {
		return out.Status("", "%s", id)
	}
	_, err = fmt.Fprintln(job.Stdout, id)
	return err
}

// inserted reads the messages of the build to their end, shows how far the download
// is, and finds the image.
func inserted(messages io.Reader, out *jsonstream.Writer) (id string, err error) {
	for dec := json.NewDecoder(messages); ; {
		var m jsonstream.Message
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return id, nil
		} else if err != nil {
			return "", err
		}
		switch {
		case m.Aux != nil:
			var made struct{ ID string }
			if err := json.Unmarshal(*m.Aux, &made); err != nil {
				return "", err
			}
			id = made.ID
		case m.ProgressDetail != nil:
			if err := out.Progress(m.ID, m.Status, *m.ProgressDetail); err != nil {
				return "", err
			}
		}
	}
}
