package netjobs

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// allocatePort describes allocate_port.
//
// Usage: allocate_port ID
// Env: HostIP, HostPort, ContainerPort, Proto; see below.
// Stdout: one JSON object, {"HostIP": …, "HostPort": …}; port 0 where the host
// cannot lead there: to a container without a way out, or of another family
// where there is no proxy.
// Errors: InvalidArgument for malformed values, NotFound when the container
// has no interface, Conflict when the port is taken ("Bind for 0.0.0.0:80
// failed: port is already allocated"), Unavailable when none is left.
func (d *doors) allocatePort() engine.Declaration {
	return engine.Declaration{
		Name:    "allocate_port",
		Summary: "Make a port of a container reachable at the host.",
		Args:    id(),
		Env: []engine.Key{
			{Name: "HostIP", Type: engine.String, Summary: "address of the host; empty: DefaultBindingIP"},
			{Name: "HostPort", Type: engine.String, Default: "0", Summary: "port or range of which the first free one is taken; 0: any"},
			{Name: "HostPortEnd", Type: engine.String, Summary: "end of the range, when HostPort is its beginning"},
			{Name: "ContainerPort", Type: engine.String, Summary: "port in the container"},
			{Name: "Proto", Type: engine.String, Default: "tcp", Summary: "tcp, udp or sctp"},
		},
		Stdout:  engine.JSONDocument,
		Changes: true,
		Handler: d.jobAllocatePort,
	}
}

func (d *doors) jobAllocatePort(job *engine.Job) error {
	req, err := decodeAllocatePort(job)
	if err != nil {
		return err
	}
	published, err := d.networks.AllocatePort(job.Context(), req)
	if err != nil {
		return err
	}
	return job.WriteJSON(published)
}

func decodeAllocatePort(job *engine.Job) (req networkdriver.PortRequest, err error) {
	if req.ID, err = checkID(job); err != nil {
		return req, err
	}
	if text := job.Getenv("HostIP"); text != "" {
		req.HostIP, err = netip.ParseAddr(strings.Trim(text, "[]"))
		if err != nil || req.HostIP.Zone() != "" {
			return req, errdefs.InvalidArgument("Bad parameter: invalid host ip %s", text)
		}
		req.HostIP = req.HostIP.Unmap()
	}
	host := job.Getenv("HostPort")
	if end := job.Getenv("HostPortEnd"); end != "" && end != "0" {
		host += "-" + end
	}
	if req.HostPorts, err = networkdriver.ParsePortRange(host); err != nil {
		return req, err
	}
	text := job.Getenv("ContainerPort")
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return req, errdefs.InvalidArgument("invalid ContainerPort %q: want 1 to 65535", text)
	}
	req.ContainerPort = uint16(n)
	req.Proto, err = networkdriver.ParseProto(job.Getenv("Proto"))
	return req, err
}
