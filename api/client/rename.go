package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newRename(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, args []string) error {
		return cli.eachNamed(args[:1], "rename", func(name string) error {
			query := url.Values{"name": {args[1]}}
			return cli.http.call(ctx, http.MethodPost, containerPath(name, "/rename"), query)
		})
	}
}
