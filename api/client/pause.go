package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newPause(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, args []string) error {
		return cli.eachNamed(args, "pause", cli.post(ctx, "/pause", nil))
	}
}

// eachNamed is each for the commands whose summary names the last failure.
func (cli *CLI) eachNamed(names []string, verb string, do func(name string) error) error {
	var failed error
	for _, name := range names {
		err := do(name)
		if ends(err) {
			return err
		}
		if err != nil {
			fmt.Fprintln(cli.Err, err)
			failed = fmt.Errorf("Error: failed to %s container named %s", verb, name)
		}
	}
	return failed
}
