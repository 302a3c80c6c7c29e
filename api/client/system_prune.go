package client

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

type systemPruneOptions struct {
	force, all, volumes bool
	filters             []string
}

func newSystemPrune(cli *CLI, flags *mflag.Set) runFunc {
	var o systemPruneOptions
	flags.Bool(&o.all, "-a --all", "Remove all unused images, not just dangling ones")
	flags.Bool(&o.force, "-f --force", "Do not prompt for confirmation")
	flags.Bool(&o.volumes, "--volumes", "Prune anonymous volumes")
	flags.List(&o.filters, "--filter", "Provide filter values (e.g. 'label=<key>=<value>')", checkFilter)
	return func(ctx context.Context, _ []string) error { return cli.systemPrune(ctx, o) }
}

// systemPrune removes what nothing uses: containers first, for they use the rest.
func (cli *CLI) systemPrune(ctx context.Context, o systemPruneOptions) error {
	filters, err := cli.pruneFilters(o.filters)
	if err != nil {
		return err
	}
	if o.volumes && slices.ContainsFunc(filters, func(f string) bool { return strings.HasPrefix(f, "until=") }) {
		return errdefs.InvalidArgument(`ERROR: The "until" filter is not supported with "--volumes"`)
	}
	if !o.force && !cli.confirm(o.warning(filters)) {
		return nil
	}
	var containers api.ContainersPruned
	var networks api.NetworksPruned
	var volumes api.VolumesPruned
	var images api.ImagesPruned
	if err := cli.prune(ctx, "/containers/prune", o.filters, &containers); err != nil {
		return err
	}
	cli.pruned("Containers", containers.ContainersDeleted)
	if err := cli.prune(ctx, "/networks/prune", o.filters, &networks); err != nil {
		return err
	}
	cli.pruned("Networks", networks.NetworksDeleted)
	if o.volumes {
		if err := cli.prune(ctx, "/volumes/prune", o.filters, &volumes); err != nil {
			return err
		}
		cli.pruned("Volumes", volumes.VolumesDeleted)
	}
	dangling := o.filters
	if o.all {
		dangling = append(slices.Clone(dangling), "dangling=false")
	}
	if err := cli.prune(ctx, "/images/prune", dangling, &images); err != nil {
		return err
	}
	cli.pruned("Images", prunedImages(images))
	caches, err := cli.pruneCaches(ctx, o, filters)
	if err != nil {
		return err
	}
	cli.pruned("build cache objects", caches.CachesDeleted)
	cli.reclaimed(containers.SpaceReclaimed + volumes.SpaceReclaimed + images.SpaceReclaimed + caches.SpaceReclaimed)
	return nil
}

// pruneCaches removes caches of builds.
func (cli *CLI) pruneCaches(ctx context.Context, o systemPruneOptions, filters []string) (out api.BuildPruned, err error) {
	query := url.Values{}
	setFilters(query, filters)
	if o.all {
		query.Set("all", "1")
	}
	err = cli.http.callJSON(ctx, request{method: http.MethodPost, path: "/build/prune", query: query}, &out)
	if errdefs.IsNotFound(err) {
		err = nil // a daemon from before there was one
	}
	return out, err
}

func (o systemPruneOptions) warning(filters []string) string {
	items := []string{"all stopped containers", "all networks not used by at least one container"}
	if o.volumes {
		items = append(items, "all anonymous volumes not used by at least one container")
	}
	if o.all {
		items = append(items, "all images without at least one container associated to them", "all build cache")
	} else {
		items = append(items, "all dangling images", "unused build cache")
	}
	text := "WARNING! This will remove:\n  - " + strings.Join(items, "\n  - ") + "\n"
	if len(filters) > 0 {
		text += "\n  Items to be pruned will be filtered with:\n  - " + strings.Join(filters, "\n  - ") + "\n"
	}
	return text
}
