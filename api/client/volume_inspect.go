package client

import (
	"net/url"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newVolumeInspect(cli *CLI, flags *mflag.Set) runFunc {
	return inspectCommand(cli, flags, "volume")
}

// volumePath is /volumes/NAME with the name escaped.
func volumePath(name string) string { return "/volumes/" + url.PathEscape(name) }
