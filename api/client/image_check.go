package client

import (
	"context"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newImageCheck(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, args []string) error { return cli.imagesCheck(ctx, args) }
}

// imagesCheck has the daemon read its images again; it fails when something is
// damaged.
func (cli *CLI) imagesCheck(ctx context.Context, names []string) error {
	return cli.jobRun(ctx, jobRunOptions{name: "images_check", args: names})
}
