package client

import (
	"context"
	"net/url"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newKill(cli *CLI, flags *mflag.Set) runFunc {
	signal := "KILL"
	flags.String(&signal, "-s --signal", "Signal to send to the container")
	return func(ctx context.Context, args []string) error {
		return cli.each(args, "kill", "containers", cli.post(ctx, "/kill", url.Values{"signal": {signal}}))
	}
}
