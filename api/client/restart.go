package client

import (
	"context"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newRestart(cli *CLI, flags *mflag.Set) runFunc {
	var o stopOptions
	o.declare(flags, "Seconds to wait for the stop before killing and\nstarting again")
	return func(ctx context.Context, args []string) error {
		o.containers, o.given = args, flags.IsSet("-t")
		return cli.each(o.containers, "restart", "containers", cli.post(ctx, "/restart", o.query()))
	}
}
