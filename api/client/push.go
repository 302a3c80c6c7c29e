package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/pkg/mflag"
)

type pushOptions struct {
	all, quiet, untrusted bool
	platform              string
}

func newPush(cli *CLI, flags *mflag.Set) runFunc {
	var o pushOptions
	flags.Bool(&o.all, "-a --all-tags", "Push all tags of an image to the repository")
	flags.Bool(&o.quiet, "-q --quiet", "Suppress the progress; print the name only")
	declareTrust(flags, &o.untrusted)
	flags.String(&o.platform, "--platform", "Push this platform: os/architecture[/variant]")
	return func(ctx context.Context, args []string) error { return cli.push(ctx, o, args[0]) }
}

func (cli *CLI) push(ctx context.Context, o pushOptions, name string) error {
	if err := checkTrust(o.untrusted); err != nil {
		return err
	}
	repo, tag := splitTag(name)
	if err := checkRepository(repo); err != nil {
		return err
	}
	switch {
	case o.all && tag != "":
		return errors.New("tag can't be used with --all-tags/-a")
	case tag == "" && !o.all:
		tag = "latest"
		if !o.quiet {
			fmt.Fprintln(cli.Out, "Using default tag: latest")
		}
	}
	query := url.Values{}
	setText(query, "tag", tag)
	if err := platformQuery(query, "platform", o.platform); err != nil {
		return err
	}
	header, err := cli.authFor(ctx, repo)
	if err != nil {
		return err
	}
	if header == nil { // without the header the body would have to say who asks
		header = http.Header{"X-Registry-Auth": {"e30="}}
	}
	out := cli.Out
	if o.quiet {
		out = nil
	}
	r := request{method: http.MethodPost, path: imagePath(repo, "/push"), query: query, header: header}
	if err := cli.showStream(ctx, r, out); err != nil {
		return err
	}
	if o.quiet {
		fmt.Fprintln(cli.Out, name)
	}
	return nil
}
