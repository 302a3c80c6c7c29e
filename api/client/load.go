package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newLoad(cli *CLI, flags *mflag.Set) runFunc {
	var input string
	var quiet bool
	var platforms []string
	flags.String(&input, "-i --input", "Read from a tar archive file, instead of STDIN")
	flags.Bool(&quiet, "-q --quiet", "Suppress the progress")
	flags.List(&platforms, "--platform", "Load this platform: os/architecture[/variant]", nil)
	return func(ctx context.Context, _ []string) error {
		in := cli.In
		if input != "" {
			file, err := os.Open(input)
			if err != nil {
				return err
			}
			defer file.Close()
			in = file
		} else if _, terminal := terminalOf(cli.In); terminal {
			return errors.New("requested load from stdin, but stdin is empty")
		}
		query := url.Values{}
		if _, terminal := terminalOf(cli.Out); quiet || !terminal {
			query.Set("quiet", "1")
		}
		if err := platformQuery(query, "platform", platforms...); err != nil {
			return err
		}
		r := request{method: http.MethodPost, path: "/images/load", query: query, stream: in, streamType: "application/x-tar"}
		return cli.showStream(ctx, r, cli.Out)
	}
}
