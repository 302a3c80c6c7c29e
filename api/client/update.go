package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
	"github.com/enginejobs/docker/runconfig"
)

func newUpdate(cli *CLI, set *mflag.Set) runFunc {
	var flags runconfig.Flags
	flags.DeclareUpdate(set)
	return func(ctx context.Context, args []string) error {
		if !set.AnySet() {
			return errors.New("You must provide one or more flags when using this command.") //nolint:staticcheck // classic text
		}
		config, err := flags.ParseUpdate()
		if err != nil {
			return err
		}
		return cli.eachNamed(args, "update", func(name string) error {
			var done api.ContainerUpdated
			r := request{method: http.MethodPost, path: containerPath(name, "/update"), body: config}
			if err := cli.http.callJSON(ctx, r, &done); err != nil {
				return err
			}
			fmt.Fprintln(cli.Out, name)
			for _, w := range done.Warnings {
				fmt.Fprintln(cli.Err, "WARNING:", w)
			}
			return nil
		})
	}
}
