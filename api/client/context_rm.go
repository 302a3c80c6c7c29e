package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/clicontext"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newContextRm(cli *CLI, flags *mflag.Set) runFunc {
	var force bool
	flags.Bool(&force, "-f --force", "Force the removal of a context in use")
	return func(_ context.Context, args []string) error {
		var failed error
		for _, name := range args {
			if err := cli.contextRm(name, force); err != nil {
				fmt.Fprintln(cli.Err, err)
				failed = &StatusError{Code: exitFailure}
				continue
			}
			fmt.Fprintln(cli.Out, name)
		}
		return failed
	}
}

// contextRm removes one. The one in use by configuration goes with force only, and is
// then not in use any more.
func (cli *CLI) contextRm(name string, force bool) error {
	if name == clicontext.Default {
		return errdefs.InvalidArgument(`context "default" cannot be removed`)
	}
	file, err := cli.configFile()
	if err != nil {
		return err
	}
	configured := file.Text("currentContext") == name
	if (configured || cli.context == name) && !force {
		return errdefs.Conflict("context %q is in use, set -f flag to force remove", name)
	}
	if err := cli.contexts().Remove(name); err != nil && (!force || !errdefs.IsNotFound(err)) {
		return err
	}
	if configured {
		return file.SetText("currentContext", "")
	}
	return nil
}
