package client

import (
	"context"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newContainerPrune(cli *CLI, flags *mflag.Set) runFunc {
	var force bool
	var filters []string
	flags.Bool(&force, "-f --force", "Do not prompt for confirmation")
	flags.List(&filters, "--filter", "Provide filter values (e.g. 'until=24h')", checkFilter)
	return func(ctx context.Context, _ []string) error {
		if !force && !cli.confirm("WARNING! This will remove all stopped containers.") {
			return nil
		}
		var out api.ContainersPruned
		if err := cli.prune(ctx, "/containers/prune", filters, &out); err != nil {
			return err
		}
		cli.pruned("Containers", out.ContainersDeleted)
		cli.reclaimed(out.SpaceReclaimed)
		return nil
	}
}
