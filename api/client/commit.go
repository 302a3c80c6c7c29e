package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/enginejobs/docker/pkg/mflag"
)

type commitOptions struct {
	author, message, config string
	pause                   bool
	changes                 []string
}

func newCommit(cli *CLI, flags *mflag.Set) runFunc {
	o := &commitOptions{pause: true}
	flags.String(&o.author, "-a ~-author --author", "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")")
	flags.String(&o.message, "-m --message", "Commit message")
	flags.Bool(&o.pause, "-p --pause", "Pause the container during the commit")
	flags.String(&o.config, "~-run !--run", "Configuration of the image, as JSON")
	flags.List(&o.changes, "-c --change", "Apply a Dockerfile instruction to the image", nil)
	return func(ctx context.Context, args []string) error { return cli.commit(ctx, o, args) }
}

func (cli *CLI) commit(ctx context.Context, o *commitOptions, args []string) error {
	repo, tag := "", ""
	if len(args) > 1 {
		repo, tag = splitTag(args[1])
	}
	query := url.Values{"container": {args[0]}, "repo": {repo}, "tag": {tag}, "author": {o.author}, "comment": {o.message}}
	if !o.pause {
		query.Set("pause", "0")
	}
	for _, line := range o.changes {
		query.Add("changes", line)
	}
	r := request{method: http.MethodPost, path: "/commit", query: query}
	if o.config != "" {
		r.stream, r.streamType = strings.NewReader(o.config), "application/json"
	}
	var created struct{ Id string }
	if err := cli.http.callJSON(ctx, r, &created); err != nil {
		return err
	}
	if created.Id == "" {
		return errors.New("the daemon answered without the id of the image")
	}
	fmt.Fprintln(cli.Out, created.Id)
	return nil
}
