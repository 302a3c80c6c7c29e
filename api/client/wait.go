package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newWait(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, args []string) error {
		return cli.each(args, "wait", "containers", func(name string) error {
			resp, err := cli.http.do(ctx, request{method: http.MethodPost, path: containerPath(name, "/wait")})
			if err != nil {
				return err
			}
			var w api.ContainerWait
			if err := decodeWait(resp, &w); err != nil {
				return err
			}
			fmt.Fprintln(cli.Out, w.StatusCode)
			return nil
		})
	}
}

// decodeWait reads the answer to a wait request, which comes when the
// container has ended.
func decodeWait(resp *http.Response, w *api.ContainerWait) error {
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(w); err != nil {
		return vanished("waiting for the container", err)
	}
	if w.Error != nil && w.Error.Message != "" {
		return errors.New("waiting for the container: " + w.Error.Message)
	}
	return nil
}
