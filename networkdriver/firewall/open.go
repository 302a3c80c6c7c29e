//go:build linux

package firewall

import (
	"errors"
	"net/netip"
	"os"
	"slices"

	"github.com/enginejobs/docker/errdefs"
)

// open chooses the backend and writes what is known.
func (f *Firewall) open() error {
	nftables := func(ipv6 bool) (backend, error) { return openNFTables(f.opts.Name, ipv6) }
	iptables := func(variant string) opener {
		return func(ipv6 bool) (backend, error) { return openIPTables(variant, f.opts.Name, ipv6) }
	}
	if f.opts.IPv6 && !f.knowsIPv6() && !hostHasIPv6() {
		f.opts.IPv6 = false
	}
	switch f.opts.Backend {
	case None:
		f.backend = none{}
		return nil
	case NFTables:
		return f.try(nftables)
	case IPTables, IPTablesNFT, IPTablesLegacy:
		return f.try(iptables(f.opts.Backend))
	case "":
	default:
		return errdefs.InvalidArgument("unknown firewall backend %q: want %s, %s or %s", f.opts.Backend, NFTables, IPTables, None)
	}
	err := f.try(nftables)
	if err == nil {
		return nil
	}
	if again := f.try(iptables(IPTables)); again != nil {
		return errdefs.Unavailable("no packet filter can be used: %w", errors.Join(err, again))
	}
	f.opts.Warn("%v; rules are written with %s", err, f.backend.name())
	return nil
}

// opener makes a backend.
type opener func(ipv6 bool) (backend, error)

// try uses a backend, without IPv6 where that cannot be written and no network
// has it: the others are not to suffer.
func (f *Firewall) try(open opener) error {
	err := f.use(open(f.opts.IPv6))
	if err == nil || !f.opts.IPv6 || f.knowsIPv6() {
		return err
	}
	if f.use(open(false)) != nil {
		return err
	}
	f.opts.IPv6 = false
	f.opts.Warn("networks cannot have IPv6: %v", err)
	return nil
}

// knowsIPv6 tells whether a known network has it.
func (f *Firewall) knowsIPv6() bool {
	for _, n := range f.state.networks {
		if slices.ContainsFunc(n.Subnets, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
			return true
		}
	}
	return false
}

// hostHasIPv6 tells whether the kernel does IPv6 at all.
func hostHasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6")
	return !errors.Is(err, os.ErrNotExist)
}

// use writes what is known with a backend. It takes over the redirections of a
// predecessor, so that published ports go on working.
func (f *Firewall) use(b backend, err error) error {
	if err != nil {
		return err
	}
	old, err := b.inherited()
	if err != nil {
		f.opts.Warn("published ports are unreachable until their containers are restored: %v", err)
	}
	f.state.inherited = make(map[slot]Port, len(old))
	for _, p := range old {
		if f.validPort(p) != nil {
			continue
		}
		n, _ := f.state.network(p.Container.Addr())
		if n.Internal {
			continue
		}
		p.Bridge = n.Bridge
		f.state.inherited[p.slot()] = p
	}
	if err := b.write(&f.state); err != nil {
		return errors.Join(errdefs.As(errdefs.KindUnavailable, err), b.close())
	}
	f.backend = b
	f.warn()
	return nil
}

// warn tells what drops packets of the known networks although we accept them.
func (f *Firewall) warn() {
	var names []string
	for _, n := range f.state.bridges() {
		if !n.Internal {
			names = append(names, n.Bridge)
		}
	}
	if len(names) == 0 {
		return
	}
	for _, text := range f.backend.others(names, true) {
		f.opts.Warn("%s", text)
	}
}
