package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/docker/go-units"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newBuilderPrune(cli *CLI, flags *mflag.Set) runFunc {
	var force, all bool
	var keep, reserved string
	var filters []string
	flags.Bool(&all, "-a --all", "Remove all unused caches, also those of named ids")
	flags.Bool(&force, "-f --force", "Do not prompt for confirmation")
	flags.List(&filters, "--filter", "Provide filter values (e.g. 'until=24h')", checkFilter)
	flags.String(&keep, "--keep-storage", "Amount of disk space to keep for caches")
	flags.String(&reserved, "--reserved-space", "Amount of disk space to keep for caches")
	return func(ctx context.Context, _ []string) error {
		query := url.Values{}
		setFilters(query, filters)
		if all {
			query.Set("all", "1")
		}
		for _, text := range []string{keep, reserved} {
			if text == "" {
				continue
			}
			n, err := units.RAMInBytes(text)
			if err != nil {
				return errdefs.InvalidArgument("invalid size %q: %w", text, err)
			}
			query.Set("keep-storage", fmt.Sprint(n))
		}
		what := "WARNING! This will remove all dangling build cache."
		if all {
			what = "WARNING! This will remove all build cache."
		}
		if !force && !cli.confirm(what) {
			return nil
		}
		var out api.BuildPruned
		if err := cli.http.callJSON(ctx, request{method: http.MethodPost, path: "/build/prune", query: query}, &out); err != nil {
			return err
		}
		cli.pruned("build cache objects", out.CachesDeleted)
		fmt.Fprintf(cli.Out, "Total:\t%s\n", tightSize(out.SpaceReclaimed))
		return nil
	}
}
