package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/pkg/clicontext"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newContextUse(cli *CLI, _ *mflag.Set) runFunc {
	return func(_ context.Context, args []string) error { return cli.contextUse(args[0]) }
}

func (cli *CLI) contextUse(name string) error {
	if _, err := cli.stored(name); err != nil {
		return err
	}
	file, err := cli.configFile()
	if err != nil {
		return err
	}
	kept := name
	if name == clicontext.Default {
		kept = ""
	}
	if file.Text("currentContext") != kept {
		if err := file.SetText("currentContext", kept); err != nil {
			return err
		}
	}
	fmt.Fprintln(cli.Out, name)
	fmt.Fprintf(cli.Err, "Current context is now %q\n", name)
	if cli.env.get("DOCKER_HOST") != "" {
		fmt.Fprintf(cli.Err, "Warning: DOCKER_HOST environment variable overrides the active context. "+
			"To use %q, either set the global --context flag, or unset DOCKER_HOST environment variable.\n", name)
	}
	return nil
}
