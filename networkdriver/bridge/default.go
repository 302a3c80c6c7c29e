//go:build linux

package bridge

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/pkg/rtnl"
)

// defaultNetwork defines the network of containers that ask for none.
func defaultNetwork(cfg networkdriver.Config, _ networkdriver.Warn) (networkdriver.Definition, error) {
	name := cfg.BridgeName()
	def := networkdriver.Definition{
		Name: "bridge", Driver: "bridge", EnableIPv4: true, EnableIPv6: cfg.IPv6,
		Options: map[string]string{
			networkdriver.OptionDefault:      "true",
			networkdriver.OptionBridgeName:   name,
			networkdriver.OptionBridgeICC:    strconv.FormatBool(cfg.InterContainerCommunication),
			networkdriver.OptionBridgeMasq:   strconv.FormatBool(cfg.Masquerade),
			networkdriver.OptionBridgeHostIP: cfg.DefaultBind.String(),
			networkdriver.OptionBridgeMTU:    strconv.Itoa(cfg.MTU),
		},
	}
	link, err := findBridge(name)
	if err != nil {
		return def, err
	}
	index, existing := 0, []netip.Prefix(nil)
	if link != nil {
		index = link.Attrs().Index
		host, err := rtnl.Dial()
		if err != nil {
			return def, err
		}
		defer host.Close()
		if existing, err = addressesOf(host, link); err != nil {
			return def, err
		}
	}
	v4, err := defaultIPv4(cfg, index, existing)
	if err != nil {
		return def, err
	}
	def.IPAM.Config = append(def.IPAM.Config, subnetOf(v4, cfg.FixedCIDR, auxGateway4, cfg.Gateway))
	if !cfg.IPv6 {
		return def, nil
	}
	v6, err := defaultIPv6(cfg, existing)
	if err == nil && v6.IsValid() {
		def.IPAM.Config = append(def.IPAM.Config, subnetOf(v6, within(cfg.FixedCIDRv6, v6), auxGateway6, cfg.Gateway6))
	}
	return def, err
}

// subnetOf is the network of an address of the bridge.
func subnetOf(address, part netip.Prefix, aux string, gateway netip.Addr) networkdriver.Pool {
	p := networkdriver.Pool{Subnet: address.Masked().String(), Gateway: address.Addr().String()}
	if part.IsValid() {
		p.IPRange = part.String()
	}
	if gateway.IsValid() {
		p.AuxAddress = map[string]string{aux: gateway.String()}
	}
	return p
}

// within is the part of a network, unless it is all of it.
func within(part, network netip.Prefix) netip.Prefix {
	if part == network.Masked() {
		return netip.Prefix{}
	}
	return part
}

// defaultIPv4 is the address of the bridge: the one that it has, the wished one,
// or one around the networks of the host.
func defaultIPv4(cfg networkdriver.Config, index int, existing []netip.Prefix) (netip.Prefix, error) {
	var names []string
	for _, p := range existing {
		if !p.Addr().Is4() {
			continue
		}
		if !cfg.BridgeIP.IsValid() || cfg.BridgeIP == p {
			return p, nil
		}
		names = append(names, p.String())
	}
	switch {
	case len(names) > 0:
		return netip.Prefix{}, errdefs.Conflict("bridge ip (%s) does not match existing bridge configuration %s: "+
			"remove interface %s or name another bridge", strings.Join(names, ", "), cfg.BridgeIP, cfg.BridgeName())
	case cfg.BridgeIP.IsValid():
		return cfg.BridgeIP, nil
	}
	return chooseAddress(cfg, index)
}

// defaultIPv6 is the IPv6 address of the bridge: the wished one, the one that it
// has, or the first one of the network of its containers.
func defaultIPv6(cfg networkdriver.Config, existing []netip.Prefix) (netip.Prefix, error) {
	if cfg.BridgeIPv6.IsValid() {
		return cfg.BridgeIPv6, nil
	}
	for _, p := range existing {
		if p.Addr().Is6() && (!cfg.FixedCIDRv6.IsValid() || p.Contains(cfg.FixedCIDRv6.Addr())) {
			return p, nil
		}
	}
	if !cfg.FixedCIDRv6.IsValid() {
		return netip.Prefix{}, nil // the manager chooses
	}
	return netip.PrefixFrom(cfg.FixedCIDRv6.Masked().Addr().Next(), cfg.FixedCIDRv6.Bits()), nil
}

// chooseAddress finds an address for the bridge: the wished one, or the first
// candidate whose network nobody uses. index is that of the bridge, if it
// exists.
func chooseAddress(cfg networkdriver.Config, index int) (netip.Prefix, error) {
	candidates := networkdriver.Candidates()
	inUse, err := networksInUse(index)
	if err != nil {
		return netip.Prefix{}, err
	}
	if cfg.FixedCIDR.IsValid() { // it must lie in the network, so only that one will do
		if candidates = containing(candidates, cfg.FixedCIDR); len(candidates) == 0 {
			return netip.Prefix{}, errdefs.InvalidArgument("subnet %s lies in none of the networks that a bridge is given by itself: "+
				"configure the address of the bridge, too", cfg.FixedCIDR)
		}
	}
	if p, ok := networkdriver.Choose(candidates, inUse, cfg.Nameservers); ok {
		return p, nil
	}
	return netip.Prefix{}, errdefs.Unavailable("Could not find a free IP address range for interface '%s'. "+
		"Please configure its address manually and run 'docker -b %s'", cfg.BridgeName(), cfg.BridgeName())
}

func containing(list []netip.Prefix, sub netip.Prefix) (out []netip.Prefix) {
	for _, p := range list {
		if p.Bits() <= sub.Bits() && p.Contains(sub.Addr()) {
			out = append(out, p)
		}
	}
	return out
}

// networksInUse lists the destinations of all routes and the networks of all
// addresses of the host, but those of the link with the given index.
func networksInUse(except int) ([]netip.Prefix, error) {
	var list []netip.Prefix
	routes, err := dump(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("reading the host's routes: %w", err)
	}
	for _, r := range routes {
		if r.Dst != nil && (except == 0 || r.LinkIndex != except) {
			list = append(list, prefix(r.Dst))
		}
	}
	addrs, err := dump(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("reading the host's addresses: %w", err)
	}
	for _, a := range addrs {
		if except == 0 || a.LinkIndex != except {
			list = append(list, prefix(a.IPNet))
		}
	}
	return list, nil
}
