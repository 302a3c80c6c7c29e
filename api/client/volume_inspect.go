package client

import (
	"net/url"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newVolumeInspect(cli *CLI, flags *mflag.Set) runFunc {
	o := &inspectOptions{kind: "volume"}
	o.declareFormat(flags)
	return o.run(cli)
}

// volumePath is /volumes/NAME with the name escaped.
func volumePath(name string) string { return "/volumes/" + url.PathEscape(name) }
