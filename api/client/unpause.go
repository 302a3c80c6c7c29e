package client

import (
	"context"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newUnpause(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, args []string) error {
		return cli.eachNamed(args, "unpause", cli.post(ctx, "/unpause", nil))
	}
}
