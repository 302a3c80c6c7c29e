package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newVolumeRm(cli *CLI, flags *mflag.Set) runFunc {
	var force bool
	flags.Bool(&force, "-f --force", "Do not complain of volumes that do not exist")
	return func(ctx context.Context, args []string) error {
		query := url.Values{}
		setFlag(query, "force", force)
		return cli.each(args, "remove", "volumes", func(name string) error {
			if err := cli.http.call(ctx, http.MethodDelete, volumePath(name), query); err != nil {
				return err
			}
			fmt.Fprintln(cli.Out, name)
			return nil
		})
	}
}
