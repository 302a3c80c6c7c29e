package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/pkg/clicontext"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newContextUpdate(cli *CLI, flags *mflag.Set) runFunc {
	var description string
	var docker dockerEndpoint
	flags.String(&description, "--description", "Description of the context")
	flags.Func(func(s string) error { return checkPairs(s, &docker.given) }, "--docker", dockerFlag)
	return func(_ context.Context, args []string) error {
		if args[0] == clicontext.Default {
			return clicontext.CheckName(args[0])
		}
		c, err := cli.contexts().Get(args[0])
		if err != nil {
			return err
		}
		keys, err := docker.apply(cli, &c)
		if err != nil {
			return err
		}
		if flags.IsSet("--description") {
			c.Description = description
		}
		if err := cli.contexts().Save(c, keys); err != nil {
			return err
		}
		fmt.Fprintln(cli.Out, c.Name)
		fmt.Fprintf(cli.Err, "Successfully updated context %q\n", c.Name)
		return nil
	}
}
