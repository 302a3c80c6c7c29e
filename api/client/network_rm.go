package client

import (
	"context"
	"fmt"
	"net/http"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newNetworkRm(cli *CLI, flags *mflag.Set) runFunc {
	var force bool
	flags.Bool(&force, "-f --force", "Do not complain of networks that do not exist")
	return func(ctx context.Context, args []string) error {
		return cli.each(args, "remove", "networks", func(name string) error {
			err := cli.http.call(ctx, http.MethodDelete, networkPath(name), nil)
			if err != nil && (!force || !errdefs.IsNotFound(err)) {
				return err
			}
			fmt.Fprintln(cli.Out, name)
			return nil
		})
	}
}
