package client

import (
	"context"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newNetworkDisconnect(cli *CLI, flags *mflag.Set) runFunc {
	var force bool
	flags.Bool(&force, "-f --force", "Also where the interface cannot be taken away")
	return func(ctx context.Context, args []string) error {
		body := struct {
			Container string
			Force     bool
		}{args[1], force}
		return cli.http.post(ctx, networkPath(args[0])+"/disconnect", body)
	}
}
