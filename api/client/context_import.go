package client

import (
	"context"
	"fmt"
	"os"

	"github.com/enginejobs/docker/pkg/clicontext"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newContextImport(cli *CLI, _ *mflag.Set) runFunc {
	return func(_ context.Context, args []string) error {
		name, source := args[0], args[1]
		if err := clicontext.CheckName(name); err != nil {
			return err
		}
		r := cli.In
		if source != "-" {
			f, err := os.Open(source)
			if err != nil {
				return err
			}
			defer f.Close()
			r = f
		}
		if err := cli.contexts().Import(name, r); err != nil {
			return err
		}
		fmt.Fprintln(cli.Out, name)
		fmt.Fprintf(cli.Err, "Successfully imported context %q\n", name)
		return nil
	}
}
