package client

import (
	"context"
	"fmt"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newNetworkPrune(cli *CLI, flags *mflag.Set) runFunc {
	var force bool
	var filters []string
	flags.Bool(&force, "-f --force", "Do not prompt for confirmation")
	flags.List(&filters, "--filter", "Provide filter values (e.g. 'until=<timestamp>')", checkFilter)
	return func(ctx context.Context, _ []string) error {
		if !force && !cli.confirm("WARNING! This will remove all custom networks not used by at least one container.") {
			return nil
		}
		var out api.NetworksPruned
		if err := cli.prune(ctx, "/networks/prune", filters, &out); err != nil {
			return err
		}
		if len(out.NetworksDeleted) > 0 {
			fmt.Fprintf(cli.Out, "Deleted Networks:\n%s\n\n", strings.Join(out.NetworksDeleted, "\n"))
		}
		return nil
	}
}
