package client

import "github.com/enginejobs/docker/pkg/mflag"

func newContainerInspect(cli *CLI, flags *mflag.Set) runFunc {
	o := &inspectOptions{kind: "container"}
	o.declareFormat(flags)
	o.declareSize(flags)
	return o.run(cli)
}
