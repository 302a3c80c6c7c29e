package client

import "github.com/enginejobs/docker/pkg/mflag"

func newImageInspect(cli *CLI, flags *mflag.Set) runFunc {
	o := &inspectOptions{kind: "image"}
	o.declareFormat(flags)
	flags.String(&o.platform, "--platform", "Inspect this platform: os/architecture[/variant]")
	return o.run(cli)
}
