package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newTag(cli *CLI, flags *mflag.Set) runFunc {
	var force bool
	flags.Bool(&force, "~-force -f --force", "Replace a tag that names another image")
	return func(ctx context.Context, args []string) error {
		repo, tag := splitTag(args[1])
		if err := checkRepository(repo); err != nil {
			return err
		}
		query := url.Values{"repo": {repo}}
		setText(query, "tag", tag)
		setFlag(query, "force", force)
		return cli.http.call(ctx, http.MethodPost, imagePath(args[0], "/tag"), query)
	}
}
