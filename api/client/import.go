package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/enginejobs/docker/pkg/mflag"
)

type importOptions struct {
	source, reference, message, platform string
	changes                              []string
}

func newImport(cli *CLI, flags *mflag.Set) runFunc {
	var o importOptions
	flags.List(&o.changes, "-c --change", "Apply a Dockerfile instruction to the image", nil)
	flags.String(&o.message, "-m --message", "Set the commit message of the image")
	flags.String(&o.platform, "--platform", "Set the platform of the image")
	return func(ctx context.Context, args []string) error {
		o.source = args[0]
		if len(args) > 1 {
			o.reference = args[1]
		}
		if len(args) > 2 {
			fmt.Fprintln(cli.Err, "[DEPRECATED] The format 'URL|- [REPOSITORY [TAG]]' has been deprecated. "+
				"Please use URL|- [REPOSITORY[:TAG]]")
			o.reference += ":" + args[2]
		}
		return cli.importImage(ctx, o)
	}
}

func (cli *CLI) importImage(ctx context.Context, o importOptions) error {
	repo, tag := splitTag(o.reference)
	if repo != "" {
		if err := checkRepository(repo); err != nil {
			return err
		}
	}
	source, stream, err := cli.importSource(o.source)
	if err != nil {
		return err
	}
	query := url.Values{"fromSrc": {source}}
	setText(query, "repo", repo)
	setText(query, "tag", tag)
	setText(query, "message", o.message)
	setText(query, "platform", o.platform)
	if len(o.changes) > 0 {
		query["changes"] = o.changes
	}
	r := request{method: http.MethodPost, path: "/images/create", query: query}
	if stream != nil {
		defer stream.Close()
		r.stream, r.streamType = stream, "application/x-tar"
	}
	return cli.showStream(ctx, r, cli.Out)
}

// importSource decides where the archive comes from: "-" is stdin, an existing
// file is sent, anything else is an address that the daemon fetches.
func (cli *CLI) importSource(text string) (string, io.ReadCloser, error) {
	switch {
	case text == "-":
		if _, terminal := terminalOf(cli.In); terminal {
			return "", nil, errors.New("cannot import from a terminal: redirect an archive to the command")
		}
		return "-", io.NopCloser(cli.In), nil
	case strings.Contains(text, "://"):
		return text, nil, nil
	}
	file, err := os.Open(text)
	switch {
	case err == nil:
		return "-", file, nil
	case !errors.Is(err, os.ErrNotExist), strings.HasPrefix(text, "/"), strings.HasPrefix(text, "."),
		!strings.ContainsAny(text, "./"):
		return "", nil, err
	}
	return "http://" + text, nil, nil
}
