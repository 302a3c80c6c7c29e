package netjobs

import (
	"net/netip"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// allocateInterface describes allocate_interface.
//
// Usage: allocate_interface ID
// Env: RequestedIP, RequestedMac, RequestedIPv6, Restore; see below.
// Stdout: one JSON object, networkdriver.Interface. SandboxKey is the path of
// a network namespace that is ready for use: loopback and eth0 up, address and
// default route set. It is good until release_interface.
// Errors: InvalidArgument for malformed values and addresses out of range,
// Conflict when the container has an interface or the address is taken,
// Unavailable when no address is left.
func (d *doors) allocateInterface() engine.Declaration {
	return engine.Declaration{
		Name:    "allocate_interface",
		Summary: "Give a container an address and a ready network namespace.",
		Args:    id(),
		Env: []engine.Key{
			{Name: "RequestedIP", Type: engine.String, Summary: "IPv4 address; empty: the next free one"},
			{Name: "RequestedMac", Type: engine.String, Summary: "hardware address; empty: from the IPv4 address"},
			{Name: "RequestedIPv6", Type: engine.String, Summary: "not implemented"},
			{Name: "Restore", Type: engine.Bool, Default: "0", Summary: "the container runs: only reserve RequestedIP"},
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
	iface, err := d.driver.Allocate(job.Context(), req)
	if err != nil {
		return err
	}
	return job.WriteJSON(iface)
}

func decodeAllocateInterface(job *engine.Job) (req networkdriver.InterfaceRequest, err error) {
	if req.ID, err = checkID(job); err != nil {
		return req, err
	}
	if job.Getenv("RequestedIPv6") != "" {
		return req, errdefs.NotImplemented("IPv6 on the bridge is not implemented: ask without RequestedIPv6")
	}
	if text := job.Getenv("RequestedIP"); text != "" {
		req.IP, err = netip.ParseAddr(text)
		if err != nil || !req.IP.Is4() {
			return req, errdefs.InvalidArgument("invalid RequestedIP %q: want an IPv4 address", text)
		}
	}
	if text := job.Getenv("RequestedMac"); text != "" {
		if req.MAC, err = networkdriver.ParseMAC(text); err != nil {
			return req, err
		}
	}
	req.Restore = job.GetenvBool("Restore")
	if req.Restore && !req.IP.IsValid() {
		return req, errdefs.InvalidArgument("allocate_interface: Restore needs the RequestedIP that the container has")
	}
	return req, nil
}
