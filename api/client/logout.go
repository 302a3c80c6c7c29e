package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/pkg/cliconfig"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newLogout(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, args []string) error {
		server := cliconfig.DefaultServer
		if len(args) > 0 {
			server = loginServer(args[0])
		}
		file, err := cli.configFile()
		if err != nil {
			return err
		}
		known, err := file.Erase(ctx, server)
		if err != nil {
			return err
		}
		if !known {
			fmt.Fprintf(cli.Out, "Not logged in to %s\n", server)
			return nil
		}
		fmt.Fprintf(cli.Out, "Removing login credentials for %s\n", server)
		return nil
	}
}
