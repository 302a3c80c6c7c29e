package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newSave(cli *CLI, flags *mflag.Set) runFunc {
	var output string
	var platforms []string
	flags.String(&output, "-o --output", "Write to a file instead of STDOUT")
	flags.List(&platforms, "--platform", "Save this platform: os/architecture[/variant]", nil)
	return func(ctx context.Context, args []string) error {
		if _, terminal := terminalOf(cli.Out); terminal && output == "" {
			return errors.New("Cowardly refusing to save to a terminal. Use the -o flag or redirect.")
		}
		query := url.Values{"names": args}
		if err := platformQuery(query, "platform", platforms...); err != nil {
			return err
		}
		resp, err := cli.http.do(ctx, request{method: http.MethodGet, path: "/images/get", query: query})
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if output == "" {
			if _, err = io.Copy(cli.Out, resp.Body); err != nil {
				return vanished("saving images", err)
			}
			return nil
		}
		return writeFile(output, resp.Body)
	}
}
