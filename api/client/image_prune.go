package client

import (
	"context"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newImagePrune(cli *CLI, flags *mflag.Set) runFunc {
	var force, all bool
	var filters []string
	flags.Bool(&all, "-a --all", "Remove all unused images, not just dangling ones")
	flags.Bool(&force, "-f --force", "Do not prompt for confirmation")
	flags.List(&filters, "--filter", "Provide filter values (e.g. 'until=<timestamp>')", checkFilter)
	return func(ctx context.Context, _ []string) error {
		what := "WARNING! This will remove all dangling images."
		if all {
			what = "WARNING! This will remove all images without at least one container associated to them."
			filters = append(filters, "dangling=false")
		}
		if !force && !cli.confirm(what) {
			return nil
		}
		var out api.ImagesPruned
		if err := cli.prune(ctx, "/images/prune", filters, &out); err != nil {
			return err
		}
		cli.pruned("Images", prunedImages(out))
		cli.reclaimed(out.SpaceReclaimed)
		return nil
	}
}

// prunedImages are the lines that tell of them.
func prunedImages(out api.ImagesPruned) []string {
	names := make([]string, 0, len(out.ImagesDeleted))
	for _, row := range out.ImagesDeleted {
		if row.Untagged != "" {
			names = append(names, "untagged: "+row.Untagged)
		} else {
			names = append(names, "deleted: "+row.Deleted)
		}
	}
	return names
}
