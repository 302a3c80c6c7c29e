package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newRmi(cli *CLI, flags *mflag.Set) runFunc {
	var force, noPrune bool
	var platforms []string
	flags.Bool(&force, "-f --force", "Force removal of the image")
	flags.Bool(&noPrune, "--no-prune", "Do not delete untagged parents")
	flags.List(&platforms, "--platform", "Remove this platform only: os/architecture[/variant]", nil)
	return func(ctx context.Context, args []string) error {
		query := url.Values{}
		setFlag(query, "force", force)
		setFlag(query, "noprune", noPrune)
		if err := platformQuery(query, "platforms", platforms...); err != nil {
			return err
		}
		return cli.each(args, "remove", "images", func(name string) error {
			var rows []api.ImageDeleted
			r := request{method: http.MethodDelete, path: imagePath(name, ""), query: query}
			if err := cli.http.callJSON(ctx, r, &rows); err != nil {
				return err
			}
			for _, row := range rows {
				if row.Deleted != "" {
					fmt.Fprintf(cli.Out, "Deleted: %s\n", row.Deleted)
				} else {
					fmt.Fprintf(cli.Out, "Untagged: %s\n", row.Untagged)
				}
			}
			return nil
		})
	}
}
