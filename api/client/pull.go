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

type pullOptions struct {
	all, quiet, untrusted bool
	platform, tag         string
}

func newPull(cli *CLI, flags *mflag.Set) runFunc {
	var o pullOptions
	flags.Bool(&o.all, "-a --all-tags", "Download all tagged images in the repository")
	flags.Bool(&o.quiet, "-q --quiet", "Suppress the progress; print the name only")
	declareTrust(flags, &o.untrusted)
	flags.String(&o.platform, "--platform", "Platform: os/architecture[/variant]")
	flags.String(&o.tag, "~-t !--tag", "Download the image of this tag")
	return func(ctx context.Context, args []string) error { return cli.pull(ctx, o, args[0]) }
}

func (cli *CLI) pull(ctx context.Context, o pullOptions, name string) error {
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
	case tag == "" && o.tag != "":
		tag = o.tag
	case tag == "" && !o.all:
		tag = "latest"
		if !o.quiet {
			fmt.Fprintln(cli.Out, "Using default tag: latest")
		}
	}
	query := url.Values{"fromImage": {repo}}
	setText(query, "tag", tag)
	setText(query, "platform", o.platform)
	header, err := cli.authFor(ctx, repo)
	if err != nil {
		return err
	}
	out := cli.Out
	if o.quiet {
		out = nil
	}
	if err := cli.showStream(ctx, request{method: http.MethodPost, path: "/images/create", query: query, header: header}, out); err != nil {
		return err
	}
	if tag != "" && !o.all {
		fmt.Fprintln(cli.Out, fullName(repo, tag))
	}
	return nil
}

// fullName is the name of an image with all that people leave out.
func fullName(repo, tag string) string {
	host, _, ok := strings.Cut(repo, "/")
	switch {
	case !ok:
		repo = "docker.io/library/" + repo
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		repo = "docker.io/" + repo
	}
	if strings.Contains(tag, ":") {
		return repo + "@" + tag
	}
	return repo + ":" + tag
}
