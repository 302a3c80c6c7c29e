//go:build linux

package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/ipallocator"
	"github.com/enginejobs/docker/networkdriver/portallocator"
	"github.com/enginejobs/docker/networkdriver/portmapper"
	"github.com/enginejobs/docker/pkg/rtnl"
	"github.com/enginejobs/docker/pkg/userlandproxy"
)

// DefaultBridge is created when the user names no bridge.
const DefaultBridge = "docker0"

// New brings the network up: the bridge first, then forwarding, then rules.
// When a step fails, the steps before it are undone.
func New(ctx context.Context, cfg networkdriver.Config, warn func(format string, args ...any)) (*Driver, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.Bridge == "" {
		cfg.Bridge = DefaultBridge
	}
	if !cfg.DefaultBindingIP.IsValid() {
		cfg.DefaultBindingIP = netip.IPv4Unspecified()
	}
	d := &Driver{cfg: cfg, given: make(map[string]*grant)}
	var undo []func() error
	fail := func(err error) (*Driver, error) {
		for i := len(undo) - 1; i >= 0; i-- {
			err = errors.Join(err, undo[i]())
		}
		return nil, err
	}

	var err error
	if d.device, err = openDevice(cfg, warn); err != nil {
		return fail(err)
	}
	undo = append(undo, func() error { return d.device.remove() })
	if err := d.allocators(); err != nil {
		return fail(err)
	}
	if d.host, err = rtnl.Dial(); err != nil {
		return fail(err)
	}
	undo = append(undo, d.host.Close)
	d.sysctls(warn)
	if d.firewall, err = openFirewall(cfg, d.device, warn); err != nil {
		return fail(fmt.Errorf("Unable to enable network bridge NAT: %w", err))
	}
	if err := d.mapPorts(); err != nil {
		undo = append(undo, d.firewall.close, d.firewall.remove)
		return fail(err)
	}
	d.pool = newPool(cfg.WarmSandboxes, d.buildNext)
	if !d.device.inUse {
		d.pool.refill()
	}
	return d, nil
}

// allocators makes the address allocator and blocks the bridge's own address,
// and those of interfaces that somebody else hung on the bridge or that a
// predecessor left behind: only their owner may have them, by Restore.
func (d *Driver) allocators() (err error) {
	if d.ips, err = ipallocator.New(d.device.address, d.cfg.FixedCIDR); err != nil {
		return err
	}
	d.ips.Block(d.device.address.Addr())
	d.strangers = make(map[netip.Addr]bool)
	if d.device.inUse {
		for _, ip := range d.device.neighbours() {
			if d.ips.Reserve(ip) == nil {
				d.strangers[ip] = true
			}
		}
	}
	return nil
}

// mapPorts makes the port mapper.
func (d *Driver) mapPorts() error {
	ports, err := portallocator.New(portallocator.DefaultFirst, portallocator.DefaultLast)
	if err != nil {
		return err
	}
	d.mapper = portmapper.New(ports, d.firewall, d.hold)
	return nil
}

// hold binds a host port: by a proxy that serves it, or just so.
func (d *Driver) hold(m portmapper.Mapping) (io.Closer, error) {
	switch {
	case m.Proto == "sctp":
		return nil, nil // only the kernel serves it
	case d.cfg.UserlandProxy:
		return userlandproxy.Listen(m.Proto, m.Host, m.Container)
	}
	return userlandproxy.Reserve(m.Proto, m.Host)
}

// sysctls opens the host for forwarding. A host that does not allow it gets a
// warning: containers still reach it.
func (d *Driver) sysctls(warn func(string, ...any)) {
	device := "net/ipv4/conf/" + d.device.name + "/"
	isolated := !d.cfg.InterContainerCommunication
	for _, s := range []struct {
		wanted            bool
		name, value, lost string
	}{
		{d.cfg.IPForward, "net/ipv4/ip_forward", "1", "containers will not reach the outside"},
		// Packets that were sent to a loopback address may leave by the bridge.
		{d.cfg.Firewall && !d.cfg.UserlandProxy, device + "route_localnet", "1", "published ports will not be reachable at loopback addresses"},
		// The host answers for containers that must not see each other, at once
		// (the kernel waits up to 0.8 seconds otherwise).
		{isolated, device + "proxy_arp_pvlan", "1", "linked containers will not reach each other"},
		{isolated, "net/ipv4/neigh/" + d.device.name + "/proxy_delay", "0", "linked containers will reach each other with a delay"},
	} {
		if !s.wanted {
			continue
		}
		if err := setSysctl(s.name, s.value); err != nil {
			warn("%s: %v", s.lost, err)
		}
	}
}
