package networks

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/rtnl"
)

// routeBy makes the default route of a namespace lead through an interface, for
// the family of the gateway.
func routeBy(ns *os.File, name, gateway string) error {
	return netns.Do(ns, func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		ip := net.ParseIP(gateway)
		all := &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}
		if ip.To4() == nil {
			all = &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
		}
		return errors.Join(withoutDefault(ip.To4() != nil),
			netlink.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: all, Gw: ip}))
	})
}

// interfaceWith is the name of the interface that has one of the addresses in a
// namespace; empty when none has.
func interfaceWith(ns *os.File, ips ...netip.Addr) (name string, err error) {
	err = netns.Do(ns, func() error {
		list, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return fmt.Errorf("reading the addresses of a container: %w", err)
		}
		for _, a := range list {
			if ip, ok := netip.AddrFromSlice(a.IP); ok && slices.Contains(ips, ip.Unmap()) {
				link, err := netlink.LinkByIndex(a.LinkIndex)
				if err != nil {
					return err
				}
				name = link.Attrs().Name
				return nil
			}
		}
		return nil
	})
	return name, err
}

// withoutDefault takes the default routes of a family away.
func withoutDefault(v4 bool) error {
	family := netlink.FAMILY_V6
	if v4 {
		family = netlink.FAMILY_V4
	}
	list, err := netlink.RouteList(nil, family)
	if err != nil {
		return err
	}
	for _, r := range list {
		if ones, _ := bits(r.Dst); ones != 0 || r.Gw == nil {
			continue
		}
		if err := netlink.RouteDel(&r); err != nil {
			return err
		}
	}
	return nil
}

func bits(n *net.IPNet) (ones, all int) {
	if n == nil {
		return 0, 0
	}
	return n.Mask.Size()
}

// hostRoutes lists the networks that the host has or knows the way to.
func hostRoutes() ([]netip.Prefix, error) {
	host, err := rtnl.Dial()
	if err != nil {
		return nil, err
	}
	defer host.Close()
	list, err := host.Destinations()
	if err != nil && !errors.Is(err, rtnl.ErrChanged) {
		return nil, fmt.Errorf("reading the host's routes: %w", err)
	}
	addrs, err := host.Addrs()
	if err != nil && !errors.Is(err, rtnl.ErrChanged) {
		return nil, fmt.Errorf("reading the host's addresses: %w", err)
	}
	for _, a := range addrs {
		if a.Prefix.Bits() > 0 && !a.Prefix.Addr().IsLinkLocalUnicast() {
			list = append(list, a.Prefix)
		}
	}
	return list, nil
}
