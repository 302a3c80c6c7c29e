package client

import "github.com/enginejobs/docker/pkg/mflag"

func newNetworkInspect(cli *CLI, flags *mflag.Set) runFunc {
	var verbose bool
	flags.Bool(&verbose, "-v --verbose", "Tell more where there is more to tell")
	o := &inspectOptions{kind: "network"}
	o.declareFormat(flags)
	return o.run(cli)
}
