package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/pkg/mflag"
)

type rmOptions struct {
	volumes, link, force bool
	containers           []string
}

func newRm(cli *CLI, flags *mflag.Set) runFunc {
	var o rmOptions
	flags.Bool(&o.volumes, "-v --volumes", "Remove the volumes associated with the container")
	flags.Bool(&o.link, "~-link -l --link", "Remove the link and not the container")
	flags.Bool(&o.force, "-f --force", "Kill a running container and remove it")
	return func(ctx context.Context, args []string) error {
		o.containers = args
		return cli.rm(ctx, o)
	}
}

func (cli *CLI) rm(ctx context.Context, o rmOptions) error {
	query := url.Values{}
	setFlag(query, "v", o.volumes)
	setFlag(query, "link", o.link)
	setFlag(query, "force", o.force)
	return cli.each(o.containers, "remove", "containers", func(name string) error {
		if err := cli.http.call(ctx, http.MethodDelete, containerPath(name, ""), query); err != nil {
			return err
		}
		fmt.Fprintln(cli.Out, name)
		return nil
	})
}

func setFlag(query url.Values, name string, on bool) {
	if on {
		query.Set(name, "1")
	}
}

func setText(query url.Values, name, text string) {
	if text != "" {
		query.Set(name, text)
	}
}
