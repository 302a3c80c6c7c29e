package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newDiff(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, args []string) error {
		var changes []struct {
			Path string
			Kind int
		}
		if err := cli.http.getJSON(ctx, containerPath(args[0], "/changes"), nil, &changes); err != nil {
			return err
		}
		for _, c := range changes {
			letter := byte('?')
			if c.Kind >= 0 && c.Kind < len("CAD") {
				letter = "CAD"[c.Kind]
			}
			fmt.Fprintf(cli.Out, "%c %s\n", letter, c.Path)
		}
		return nil
	}
}
