//go:build linux

package bridge

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/pkg/resolvconf"
)

const (
	// alias marks a bridge that this driver created, so that a later process
	// knows that it may remove it.
	alias = "created by the engine"

	defaultMTU = 1500
)

// device is the bridge.
type device struct {
	name    string
	index   int
	address netip.Prefix // of the bridge, with its network
	mtu     int          // of container interfaces
	created bool         // by us, now or by a predecessor
	inUse   bool         // had ports when we came: containers may be running
}

// openDevice creates the bridge or adopts the one that is there.
func openDevice(cfg networkdriver.Config, warn func(string, ...any)) (device, error) {
	mtu := cfg.MTU
	if mtu == 0 {
		mtu = mtuOfDefaultRoute()
	}
	dev := device{name: cfg.Bridge, mtu: mtu}
	link, err := netlink.LinkByName(cfg.Bridge)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		if cfg.CustomBridge {
			warn("bridge %s did not exist and was created", cfg.Bridge)
		}
		return dev.create(cfg)
	}
	if err != nil {
		return dev, fmt.Errorf("looking for bridge %s: %w", cfg.Bridge, err)
	}
	if link.Type() != "bridge" {
		return dev, errdefs.Conflict("interface %s is a %s, not a bridge: name another one", cfg.Bridge, link.Type())
	}
	dev.index = link.Attrs().Index
	dev.created = link.Attrs().Alias == alias
	if !dev.created && !cfg.CustomBridge {
		warn("bridge %s was not created by this engine and is used as it is: "+
			"if another engine gives out its addresses, name another bridge", cfg.Bridge)
	}
	return dev.adopt(cfg, link)
}

// create makes the bridge. Its hardware address is fixed, or it would change
// with every container that comes and goes.
func (dev device) create(cfg networkdriver.Config) (device, error) {
	mac := make(net.HardwareAddr, 6)
	_, _ = rand.Read(mac) // never fails
	mac[0], mac[1] = 0x02, 0x42
	address, err := chooseAddress(cfg, 0)
	if err != nil {
		return dev, err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = dev.name, mac
	br := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(br); err != nil {
		return dev, fmt.Errorf("creating bridge %s: %w", dev.name, err)
	}
	dev.index, dev.created = br.Attrs().Index, true
	if err := errors.Join(netlink.LinkSetAlias(br, alias), dev.configure(br, address)); err != nil {
		return dev, errors.Join(err, netlink.LinkDel(br))
	}
	dev.address = address
	return dev, nil
}

// adopt uses a bridge that is there, with its address if it has one.
func (dev device) adopt(cfg networkdriver.Config, link netlink.Link) (device, error) {
	ports, err := dev.ports()
	if err != nil {
		return dev, err
	}
	dev.inUse = ports > 0
	addrs, err := dump(func() ([]netlink.Addr, error) { return netlink.AddrList(link, netlink.FAMILY_V4) })
	if err != nil {
		return dev, fmt.Errorf("reading addresses of bridge %s: %w", dev.name, err)
	}
	if len(addrs) == 0 {
		if dev.address, err = chooseAddress(cfg, dev.index); err != nil {
			return dev, err
		}
		return dev, dev.configure(link, dev.address)
	}
	existing := make([]string, 0, len(addrs))
	for _, a := range addrs {
		p := prefix(a.IPNet)
		existing = append(existing, p.String())
		if !dev.address.IsValid() && (!cfg.BridgeIP.IsValid() || cfg.BridgeIP == p) {
			dev.address = p
		}
	}
	if !dev.address.IsValid() {
		return dev, errdefs.Conflict("bridge ip (%s) does not match existing bridge configuration %s: "+
			"remove interface %s or name another bridge", strings.Join(existing, ", "), cfg.BridgeIP, dev.name)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return dev, fmt.Errorf("setting bridge %s up: %w", dev.name, err)
	}
	return dev, nil
}

func (dev device) configure(link netlink.Link, address netip.Prefix) error {
	addr, err := netlink.ParseAddr(address.String())
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(link, addr); err != nil {
		return fmt.Errorf("adding address %s to bridge %s: %w", address, dev.name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("setting bridge %s up: %w", dev.name, err)
	}
	return nil
}

// ports counts the interfaces that hang on the bridge.
func (dev device) ports() (int, error) {
	links, err := dump(netlink.LinkList)
	if err != nil {
		return 0, fmt.Errorf("counting ports of bridge %s: %w", dev.name, err)
	}
	n := 0
	for _, l := range links {
		if l.Attrs().MasterIndex == dev.index {
			n++
		}
	}
	return n, nil
}

// neighbours lists the addresses that the bridge has heard of: those the host
// talked to, and those that can be read from hardware addresses of the custom
// that MAC follows. An interface that was silent for minutes is missed.
func (dev device) neighbours() (list []netip.Addr) {
	for _, family := range []int{unix.AF_INET, unix.AF_BRIDGE} {
		found, _ := dump(func() ([]netlink.Neigh, error) { return netlink.NeighList(0, family) })
		for _, n := range found {
			ip, _ := netip.AddrFromSlice(n.IP.To4())
			if b := n.HardwareAddr; family == unix.AF_BRIDGE && len(b) == 6 && b[0] == 2 && b[1] == 0x42 {
				ip = netip.AddrFrom4([4]byte(b[2:]))
			}
			onBridge := n.MasterIndex == dev.index || n.LinkIndex == dev.index
			useful := n.State&(netlink.NUD_FAILED|netlink.NUD_INCOMPLETE) == 0
			if onBridge && useful && ip.IsValid() && dev.address.Contains(ip) {
				list = append(list, ip)
			}
		}
	}
	return list
}

// portAlias marks the host ends of the pairs that this driver makes.
const portAlias = "container of the engine"

// clear waits until the interfaces of ended containers are gone, which the
// kernel does in its own time, and takes away those that linger: a namespace
// with a connection that waits for its peer can stay for minutes. It is called
// when no container is left.
func (dev device) clear() error {
	for end := time.Now().Add(500 * time.Millisecond); ; time.Sleep(5 * time.Millisecond) {
		links, err := dump(netlink.LinkList)
		if err != nil {
			return fmt.Errorf("listing ports of bridge %s: %w", dev.name, err)
		}
		links = slices.DeleteFunc(links, func(l netlink.Link) bool {
			return l.Attrs().MasterIndex != dev.index || l.Attrs().Alias != portAlias
		})
		if len(links) == 0 {
			return nil
		}
		if time.Now().Before(end) {
			continue
		}
		var errs []error
		for _, l := range links {
			if err := netlink.LinkDel(l); err != nil && !isGone(err) {
				errs = append(errs, fmt.Errorf("removing interface %s: %w", l.Attrs().Name, err))
			}
		}
		return errors.Join(errs...)
	}
}

// remove deletes the bridge if it is ours and nothing hangs on it.
func (dev device) remove() error {
	if !dev.created {
		return nil
	}
	if n, err := dev.ports(); err != nil || n > 0 {
		return err // somebody's interface: the bridge stays
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Index = dev.name, dev.index
	err := netlink.LinkDel(&netlink.Bridge{LinkAttrs: attrs})
	if err != nil && !errors.Is(err, os.ErrNotExist) && !isGone(err) {
		return fmt.Errorf("removing bridge %s: %w", dev.name, err)
	}
	return nil
}

// chooseAddress finds an address for the bridge: the wished one, or the first
// candidate whose network nobody uses. index is that of the bridge, if it
// exists.
func chooseAddress(cfg networkdriver.Config, index int) (netip.Prefix, error) {
	if cfg.BridgeIP.IsValid() {
		return cfg.BridgeIP, nil
	}
	candidates := networkdriver.Candidates()
	inUse, err := networksInUse(index)
	if err != nil {
		return netip.Prefix{}, err
	}
	text, err := resolvconf.ReadHost(resolvconf.HostPath, resolvconf.SystemdPath)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("reading the host's nameservers: %w", err)
	}
	var nameservers []netip.Addr
	for _, s := range resolvconf.Parse(text).Nameservers {
		if ip, err := netip.ParseAddr(s); err == nil {
			nameservers = append(nameservers, ip)
		}
	}
	if cfg.FixedCIDR.IsValid() { // it must lie in the network, so only that one will do
		if candidates = containing(candidates, cfg.FixedCIDR); len(candidates) == 0 {
			return netip.Prefix{}, errdefs.InvalidArgument("subnet %s lies in none of the networks that a bridge is given by itself: "+
				"configure the address of the bridge, too", cfg.FixedCIDR)
		}
	}
	if p, ok := networkdriver.Choose(candidates, inUse, nameservers); ok {
		return p, nil
	}
	return netip.Prefix{}, errdefs.Unavailable("Could not find a free IP address range for interface '%s'. "+
		"Please configure its address manually and run 'docker -b %s'", cfg.Bridge, cfg.Bridge)
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

// mtuOfDefaultRoute is what packets to the outside may be long.
func mtuOfDefaultRoute() int {
	routes, err := dump(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return defaultMTU
	}
	for _, r := range routes {
		if r.Dst != nil && prefix(r.Dst).Bits() != 0 {
			continue
		}
		if link, err := netlink.LinkByIndex(r.LinkIndex); err == nil && link.Attrs().MTU > 0 {
			return link.Attrs().MTU
		}
	}
	return defaultMTU
}

func prefix(n *net.IPNet) netip.Prefix {
	ip, ok := netip.AddrFromSlice(n.IP)
	if !ok {
		return netip.Prefix{}
	}
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(ip.Unmap(), bits)
}

// dump reads a list again when it changed while it was read.
func dump[T any](list func() ([]T, error)) (found []T, err error) {
	for range 10 {
		if found, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return found, err
		}
	}
	return found, nil // a busy host: nearly all is there
}
