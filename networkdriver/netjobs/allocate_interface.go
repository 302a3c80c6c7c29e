package netjobs

import (
	"net/netip"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/networks"
)

// allocateInterface describes allocate_interface.
//
// Usage: allocate_interface ID
// Env: see the keys below.
// Stdout: one JSON object, networkdriver.Interface with NetworkID and Name.
// SandboxKey is the path of a network namespace that is ready for use: loopback
// and the interface up, addresses and default routes set. It is good until
// release_interface. It is empty where the container had a namespace already.
// Errors: InvalidArgument for malformed values and addresses out of range,
// NotFound for the network, Conflict when the container has an interface there
// or the address is taken, Unavailable when no address is left.
func (d *doors) allocateInterface() engine.Declaration {
	return engine.Declaration{
		Name:    "allocate_interface",
		Summary: "Give a container an address and a ready network namespace, or one more interface.",
		Args:    id(),
		Env: []engine.Key{
			{Name: "GwPriority", Type: engine.Int, Default: "0", Summary: "of several networks the one with the greatest leads to the outside"},
			{Name: "Interface", Type: engine.String, Summary: "name in the container; empty: the first free one"},
			{Name: "Keep", Type: engine.Bool, Default: "0", Summary: "the addresses are those of an earlier run: others will do"},
			{Name: "LinkLocalIPs", Type: engine.List, Summary: "more addresses of the interface"},
			{Name: "Links", Type: engine.JSON, Summary: "object of alias and name, for this container alone"},
			{Name: "Names", Type: engine.List, Summary: "under which others on the network find the container"},
			{Name: "Network", Type: engine.String, Summary: "name or id; empty: that of containers that ask for none"},
			{Name: "RequestedIP", Type: engine.String, Summary: "IPv4 address; empty: the next free one"},
			{Name: "RequestedMac", Type: engine.String, Summary: "hardware address; empty: from the IPv4 address"},
			{Name: "RequestedIPv6", Type: engine.String, Summary: "IPv6 address; empty: the next free one"},
			{Name: "Resolver", Type: engine.JSON, Summary: "resolver.Config of the container's name server"},
			{Name: "Restore", Type: engine.Bool, Default: "0", Summary: "the container runs: only reserve its addresses"},
			{Name: "Sandbox", Type: engine.String, Summary: "path of the namespace of a container that runs"},
			{Name: "Sysctls", Type: engine.List, Summary: "settings of the interface: net.X.Y.IFNAME.Z=V"},
		},
		Stdout:  engine.JSONDocument,
		Changes: true,
		Handler: d.jobAllocateInterface,
	}
}

func (d *doors) jobAllocateInterface(job *engine.Job) error {
	req, err := decodeAllocateInterface(job)
	if err != nil {
		return err
	}
	e, err := d.networks.Allocate(job.Context(), req)
	if err != nil {
		return err
	}
	return job.WriteJSON(e)
}

func decodeAllocateInterface(job *engine.Job) (req networks.Request, err error) {
	if req.ID, err = checkID(job); err != nil {
		return req, err
	}
	req.Network, req.Sandbox, req.Name = job.Getenv("Network"), job.Getenv("Sandbox"), job.Getenv("Interface")
	req.Priority, req.Names = job.GetenvInt("GwPriority"), job.GetenvList("Names")
	req.Sysctls = job.GetenvList("Sysctls")
	if err := api.CheckEndpointSysctls(req.Sysctls); err != nil {
		return req, err
	}
	req.Restore, req.Keep = job.GetenvBool("Restore"), job.GetenvBool("Keep")
	if err := job.GetenvJson("Links", &req.Links); err != nil {
		return req, err
	}
	if err := job.GetenvJson("Resolver", &req.Resolver); err != nil {
		return req, err
	}
	if err := decodeAddresses(job, &req); err != nil {
		return req, err
	}
	if req.Restore && !req.IP.IsValid() && !req.IPv6.IsValid() {
		return req, errdefs.InvalidArgument("allocate_interface: Restore needs the RequestedIP that the container has")
	}
	if len(req.Name) > 15 {
		return req, errdefs.InvalidArgument("invalid interface name %q: it has at most 15 characters", req.Name)
	}
	return req, nil
}

func decodeAddresses(job *engine.Job, req *networks.Request) (err error) {
	if text := job.Getenv("RequestedIP"); text != "" {
		req.IP, err = netip.ParseAddr(text)
		if err != nil || !req.IP.Is4() {
			return errdefs.InvalidArgument("invalid RequestedIP %q: want an IPv4 address", text)
		}
	}
	if text := job.Getenv("RequestedIPv6"); text != "" {
		req.IPv6, err = netip.ParseAddr(text)
		if err != nil || !req.IPv6.Is6() {
			return errdefs.InvalidArgument("invalid RequestedIPv6 %q: want an IPv6 address", text)
		}
	}
	for _, text := range job.GetenvList("LinkLocalIPs") {
		ip, err := netip.ParseAddr(text)
		if err != nil || !ip.IsLinkLocalUnicast() {
			return errdefs.InvalidArgument("invalid link-local address %q", text)
		}
		req.LinkLocal = append(req.LinkLocal, ip)
	}
	if text := job.Getenv("RequestedMac"); text != "" {
		req.MAC, err = networkdriver.ParseMAC(text)
	}
	return err
}
