package client

import (
	"context"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newVolumePrune(cli *CLI, flags *mflag.Set) runFunc {
	var force, all bool
	var filters []string
	flags.Bool(&all, "-a --all", "Remove all unused volumes, not just anonymous ones")
	flags.Bool(&force, "-f --force", "Do not prompt for confirmation")
	flags.List(&filters, "--filter", "Provide filter values (e.g. 'label=<label>')", checkFilter)
	return func(ctx context.Context, _ []string) error {
		what := "anonymous local volumes not used by at least one container"
		if all {
			for _, f := range filters {
				if strings.HasPrefix(f, "all=") {
					return errdefs.InvalidArgument("conflicting options: cannot specify both --all and --filter %s", f)
				}
			}
			what = "all local volumes not used by at least one container"
			filters = append(filters, "all=true")
		}
		if !force && !cli.confirm("WARNING! This will remove "+what+".") {
			return nil
		}
		var out api.VolumesPruned
		if err := cli.prune(ctx, "/volumes/prune", filters, &out); err != nil {
			return err
		}
		cli.pruned("Volumes", out.VolumesDeleted)
		cli.reclaimed(out.SpaceReclaimed)
		return nil
	}
}
