package dockerfile

import (
	"maps"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// expose takes ports and ranges of them. What stands before the last colon is of
// the host, of which images know nothing.
func expose(cfg *runconfig.Config, c *instructions.ExposeCommand) (string, error) {
	ports := maps.Clone(cfg.ExposedPorts)
	if ports == nil {
		ports = map[runconfig.Port]struct{}{}
	}
	for _, p := range c.Ports {
		spec := p[strings.LastIndexByte(p, ':')+1:]
		number, proto, _ := strings.Cut(spec, "/")
		if number == "" {
			return "", errdefs.InvalidArgument("No port specified: %s<empty>", p)
		}
		switch strings.ToLower(proto) {
		case "", "tcp", "udp", "sctp":
		default:
			return "", errdefs.InvalidArgument("Invalid proto: %s", proto)
		}
		list, err := runconfig.ParseExpose(spec)
		if err != nil {
			return "", errdefs.InvalidArgument("Invalid containerPort: %s", number)
		}
		for _, port := range list {
			ports[port] = struct{}{}
		}
	}
	cfg.ExposedPorts = ports
	return "EXPOSE " + strings.Join(c.Ports, " "), nil
}
