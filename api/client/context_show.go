package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newContextShow(cli *CLI, _ *mflag.Set) runFunc {
	return func(context.Context, []string) error {
		_, err := fmt.Fprintln(cli.Out, cli.context)
		return err
	}
}
