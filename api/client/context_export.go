package client

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/clicontext"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newContextExport(cli *CLI, _ *mflag.Set) runFunc {
	return func(_ context.Context, args []string) error {
		name, dest := args[0], args[0]+".dockercontext"
		if len(args) > 1 {
			dest = args[1]
		}
		return cli.contextExport(name, dest)
	}
}

func (cli *CLI) contextExport(name, dest string) error {
	if _, err := cli.contexts().Get(name); err != nil {
		if name == clicontext.Default {
			return errdefs.InvalidArgument(`context "default" cannot be exported: it is what flags and environment say`)
		}
		return err
	}
	if dest == "-" {
		if _, tty := terminalOf(cli.Out); tty {
			return errdefs.InvalidArgument("cowardly refusing to export to a terminal, specify a file path")
		}
		return cli.contexts().Export(name, cli.Out)
	}
	f, err := os.OpenFile(dest, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // it may hold a key
	if err != nil {
		return err
	}
	if err := errors.Join(cli.contexts().Export(name, f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(dest))
	}
	fmt.Fprintf(cli.Out, "Written file %q\n", dest)
	return nil
}
