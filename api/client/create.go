package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
	"github.com/enginejobs/docker/runconfig"
)

// createOptions is the part of the command line that run and create share.
type createOptions struct {
	command string // run or create, for messages
	flags   runconfig.Flags
	pull    string
	quiet   bool
	socket  bool // lend the daemon's
	parsed  *runconfig.Parsed
}

func (o *createOptions) declare(flags *mflag.Set) {
	o.flags.Declare(flags)
	o.pull = "missing"
	flags.String(&o.pull, "--pull", "Pull the image before running (always, missing,\nnever)")
	flags.Bool(&o.quiet, "-q --quiet", "Suppress the progress of a pull")
	flags.Bool(&o.socket, "--use-api-socket", "Lend the daemon's socket and the credentials\nfor registries to the container")
}

func (o *createOptions) parse(cli *CLI, args []string) error {
	parsed, err := o.flags.Parse(args, runconfig.Lookup(cli.env))
	if err == nil && o.pull != "always" && o.pull != "missing" && o.pull != "never" {
		err = fmt.Errorf("invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"", o.pull)
	}
	if err != nil {
		return &runError{command: o.command, code: exitDocker, hint: true, err: err}
	}
	parsed.Config.Env = cli.withProxies(parsed.Config.Env)
	o.parsed = parsed
	return nil
}

// fail gives an error of the creation the form of run's; create has none.
func (o *createOptions) fail(err error) error {
	if o.command == "create" || ends(err) {
		return err
	}
	return &runError{command: o.command, code: exitDocker, hint: true, err: err}
}

func newCreate(cli *CLI, flags *mflag.Set) runFunc {
	o := &createOptions{command: "create"}
	o.declare(flags)
	return func(ctx context.Context, args []string) error {
		if err := o.parse(cli, args); err != nil {
			return err
		}
		id, err := cli.create(ctx, o)
		if err != nil {
			return err
		}
		fmt.Fprintln(cli.Out, id)
		return nil
	}
}

// create makes the container, fetching its image when it is missing, and
// writes the cid file.
func (cli *CLI) create(ctx context.Context, o *createOptions) (string, error) {
	if o.socket {
		if err := cli.lendSocket(o.parsed); err != nil {
			return "", o.fail(err)
		}
	}
	cid, err := newCidFile(o.flags.CidFile)
	if err != nil {
		return "", o.fail(err)
	}
	defer cid.close()
	if o.pull == "always" {
		if err := cli.pullImage(ctx, o); err != nil {
			return "", o.fail(err)
		}
	}
	created, err := cli.createOnce(ctx, o)
	if errdefs.IsNotFound(err) && o.pull == "missing" && cli.imageMissing(ctx, o.parsed.Config.Image, o.flags.Platform) {
		fmt.Fprintf(cli.Err, "Unable to find image '%s' locally\n", withTag(o.parsed.Config.Image))
		if err = cli.pullImage(ctx, o); err == nil {
			created, err = cli.createOnce(ctx, o)
		}
	}
	if err != nil {
		return "", o.fail(err)
	}
	for _, warning := range created.Warnings {
		fmt.Fprintf(cli.Err, "WARNING: %s\n", warning)
	}
	if o.socket {
		if err := cli.lendCredentials(ctx, o.parsed, created.Id); err != nil {
			cli.discard(ctx, created.Id)
			return "", o.fail(err)
		}
	}
	if err := cid.write(created.Id); err != nil {
		return "", o.fail(err)
	}
	return created.Id, nil
}

func (cli *CLI) createOnce(ctx context.Context, o *createOptions) (*api.ContainerCreated, error) {
	query := url.Values{}
	if o.flags.Name != "" {
		query.Set("name", o.flags.Name)
	}
	if o.flags.Platform != "" {
		query.Set("platform", o.flags.Platform)
	}
	var created api.ContainerCreated
	r := request{method: http.MethodPost, path: "/containers/create", query: query, body: bodyFor(o.parsed)}
	if err := cli.http.callJSON(ctx, r, &created); err != nil {
		return nil, err
	}
	return &created, nil
}

// imageMissing tells whether a failed create was about the image; it may have
// been about a network or a container of --volumes-from. An image for another
// platform is not the one.
func (cli *CLI) imageMissing(ctx context.Context, image, platform string) bool {
	query := url.Values{}
	if platformQuery(query, "platform", platform) != nil {
		return false
	}
	err := cli.http.call(ctx, http.MethodGet, imagePath(image, "/json"), query)
	return errdefs.IsNotFound(err)
}

// pullImage fetches the image of a container that is to be made; everything it
// says goes to stderr, because stdout is the container's.
func (cli *CLI) pullImage(ctx context.Context, o *createOptions) error {
	repo, tag := splitTag(o.parsed.Config.Image)
	if tag == "" {
		tag = "latest"
	}
	query := url.Values{"fromImage": {repo}, "tag": {tag}}
	if o.flags.Platform != "" {
		query.Set("platform", o.flags.Platform)
	}
	out := cli.Err
	if o.quiet {
		out = nil
	}
	header, err := cli.authFor(ctx, o.parsed.Config.Image)
	if err != nil {
		return err
	}
	return cli.showStream(ctx, request{method: http.MethodPost, path: "/images/create", query: query, header: header}, out)
}

// cidFile holds the id of a new container. It is made before the container, so
// that two runs cannot share it, and goes away when no id was written.
type cidFile struct {
	file    *os.File
	written bool
}

func newCidFile(name string) (*cidFile, error) {
	if name == "" {
		return &cidFile{}, nil
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("Container ID file found, make sure the other container isn't running or delete %s", name)
	case err != nil:
		return nil, fmt.Errorf("Failed to create the container ID file: %w", err)
	}
	return &cidFile{file: file}, nil
}

func (c *cidFile) write(id string) error {
	if c.file == nil {
		return nil
	}
	if _, err := c.file.WriteString(id); err != nil {
		return fmt.Errorf("writing the container ID file: %w", err)
	}
	c.written = true
	return nil
}

func (c *cidFile) close() {
	if c.file == nil {
		return
	}
	c.file.Close()
	if !c.written {
		_ = os.Remove(c.file.Name())
	}
}
