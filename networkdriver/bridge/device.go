//go:build linux

package bridge

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/pkg/rtnl"
)

const (
	// portOf begins the alias of the host end of a container's interface.
	portOf = "container of the engine on "

	// alias marks a bridge that this driver created, so that a later process
	// knows that it may remove it.
	alias = "created by the engine"

	defaultMTU = 1500
)

// device is the bridge.
type device struct {
	host      *rtnl.Conn
	name      string
	addresses []netip.Prefix // of the bridge, with their networks
	mtu       int            // of container interfaces
	created   bool           // by us, now or by a predecessor
	fresh     bool           // made when we came: containers that run do not hang on it
	inUse     bool           // had ports when we came: containers may be running
	index     atomic.Int32   // another one when somebody deleted the bridge
}

// current is the index of the bridge.
func (dev *device) current() int { return int(dev.index.Load()) }

// openDevice creates the bridge or adopts the one that is there.
func openDevice(host *rtnl.Conn, s settings, warn networkdriver.Warn) (*device, error) {
	mtu := s.mtu
	if mtu == 0 {
		mtu = mtuOfDefaultRoute(host)
	}
	dev := &device{host: host, name: s.bridge, mtu: mtu}
	for _, p := range []netip.Prefix{s.v4, s.v6} {
		if p.IsValid() {
			dev.addresses = append(dev.addresses, p)
		}
	}
	link, err := findBridge(s.bridge)
	if err != nil {
		return nil, err
	}
	if link == nil {
		if s.custom {
			warn("bridge %s did not exist and was created", s.bridge)
		}
		dev.fresh = true
		return dev, dev.create()
	}
	dev.index.Store(int32(link.Attrs().Index))
	if dev.created, err = dev.ours(link); err != nil {
		return nil, err
	}
	if !dev.created && !s.custom {
		warn("bridge %s was not created by this engine and is used as it is: "+
			"if another engine gives out its addresses, name another bridge", s.bridge)
	}
	return dev, dev.adopt(link)
}

// ours tells whether a process of the engine made the bridge. The alias says so.
// One that was killed before it could write that, which the kernel does not do
// in one step, has left a bridge without alias and addresses; its hardware
// address tells.
func (dev *device) ours(link netlink.Link) (bool, error) {
	at := link.Attrs()
	if at.Alias == alias {
		return true, nil
	}
	if b := at.HardwareAddr; at.Alias != "" || !bytes.Equal(b, markedMAC(dev.name)) {
		return false, nil
	}
	if list, err := addressesOf(dev.host, link); err != nil || len(list) > 0 {
		return false, err
	}
	if err := netlink.LinkSetAlias(link, alias); err != nil {
		return false, fmt.Errorf("marking bridge %s: %w", dev.name, err)
	}
	return true, nil
}

// markedMAC is the hardware address of a bridge: the same one whenever the bridge
// of the name is made on this machine, for containers remember that of their
// gateway.
func markedMAC(name string) net.HardwareAddr {
	machine, _ := os.ReadFile("/etc/machine-id") // without it, other machines have the same one on their own bridges
	sum := sha256.Sum256(append(machine, name...))
	return append(net.HardwareAddr{0x02, 0x42}, sum[:4]...)
}

// findBridge gives a bridge; nil when no interface has the name.
func findBridge(name string) (netlink.Link, error) {
	link, err := netlink.LinkByName(name)
	switch {
	case isGone(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking for bridge %s: %w", name, err)
	case link.Type() != "bridge":
		return nil, errdefs.Conflict("interface %s is a %s, not a bridge: name another one", name, link.Type())
	}
	return link, nil
}

// create makes the bridge. Its hardware address is fixed, or it would change
// with every container that comes and goes.
func (dev *device) create() error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = dev.name, markedMAC(dev.name)
	br := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(br); err != nil {
		return fmt.Errorf("creating bridge %s: %w", dev.name, err)
	}
	dev.index.Store(int32(br.Attrs().Index))
	dev.created = true
	if err := errors.Join(netlink.LinkSetAlias(br, alias), dev.configure(br)); err != nil {
		return errors.Join(err, netlink.LinkDel(br))
	}
	return nil
}

// adopt uses a bridge that is there, with its addresses; what is missing is
// added.
func (dev *device) adopt(link netlink.Link) error {
	ports, err := dev.ports()
	if err != nil {
		return err
	}
	dev.inUse = ports > 0
	return dev.configure(link)
}

func addressesOf(host *rtnl.Conn, link netlink.Link) ([]netip.Prefix, error) {
	found, err := dump(host.Addrs)
	if err != nil {
		return nil, fmt.Errorf("reading addresses of bridge %s: %w", link.Attrs().Name, err)
	}
	var list []netip.Prefix
	for _, a := range found {
		if a.Index == link.Attrs().Index && !a.Prefix.Addr().IsLinkLocalUnicast() {
			list = append(list, a.Prefix)
		}
	}
	return list, nil
}

// configure adds the addresses that are not there and sets the bridge up. Nobody else
// can have an address of ours on our bridge, so that none is tried out first.
func (dev *device) configure(link netlink.Link) error {
	for _, p := range dev.addresses {
		addr, err := netlink.ParseAddr(p.String())
		if err != nil {
			return err
		}
		if p.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(link, addr); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("adding address %s to bridge %s: %w", p, dev.name, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("setting bridge %s up: %w", dev.name, err)
	}
	return nil
}

// ports counts the interfaces that hang on the bridge.
func (dev *device) ports() (int, error) {
	list, err := dump(func() ([]rtnl.Link, error) { return dev.host.Ports(dev.current()) })
	if err != nil {
		return 0, fmt.Errorf("counting ports of bridge %s: %w", dev.name, err)
	}
	return len(list), nil
}

// neighbours lists the addresses that the bridge has heard of: those the host
// talked to, and those that can be read from hardware addresses of the custom
// that MAC follows. An interface that was silent for minutes is missed.
func (dev *device) neighbours() (list []netip.Addr) {
	for _, family := range []int{unix.AF_INET, unix.AF_BRIDGE} {
		found, _ := dump(func() ([]netlink.Neigh, error) { return netlink.NeighList(0, family) })
		for _, n := range found {
			ip, _ := netip.AddrFromSlice(n.IP.To4())
			if b := n.HardwareAddr; family == unix.AF_BRIDGE && len(b) == 6 && b[0] == 2 && b[1] == 0x42 {
				ip = netip.AddrFrom4([4]byte(b[2:]))
			}
			onBridge := n.MasterIndex == dev.current() || n.LinkIndex == dev.current()
			useful := n.State&(netlink.NUD_FAILED|netlink.NUD_INCOMPLETE) == 0
			if onBridge && useful && ip.IsValid() && dev.contains(ip) {
				list = append(list, ip)
			}
		}
	}
	return list
}

func (dev *device) contains(ip netip.Addr) bool {
	return slices.ContainsFunc(dev.addresses, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// portAlias marks the host ends of the pairs that hang on the bridge, so that
// they are known when somebody took them off.
func (dev *device) portAlias() string { return portOf + dev.name }

// clear waits until the interfaces of ended containers are gone, which the
// kernel does in its own time, and takes away those that linger: a namespace
// with a connection that waits for its peer can stay for minutes. It is called
// when no container is left.
func (dev *device) clear() error {
	for end := time.Now().Add(500 * time.Millisecond); ; time.Sleep(5 * time.Millisecond) {
		links, err := dump(func() ([]rtnl.Link, error) { return dev.host.Ports(dev.current()) })
		if err != nil {
			return fmt.Errorf("listing ports of bridge %s: %w", dev.name, err)
		}
		links = slices.DeleteFunc(links, func(l rtnl.Link) bool { return l.Alias != dev.portAlias() })
		if len(links) == 0 {
			return nil
		}
		if time.Now().Before(end) {
			continue
		}
		var errs []error
		for _, l := range links {
			if err := dev.host.Do(rtnl.DelLink(l.Index)); err != nil && !isGone(err) {
				errs = append(errs, fmt.Errorf("removing interface %s: %w", l.Name, err))
			}
		}
		return errors.Join(errs...)
	}
}

// remove deletes the bridge if it is ours and nothing hangs on it.
func (dev *device) remove() error {
	if n, err := dev.ports(); err != nil || n > 0 {
		return err // somebody's interface: the bridge stays
	}
	return dev.end()
}

// end deletes the bridge if it is ours. An interface of somebody else that hangs
// on it is free then.
func (dev *device) end() error {
	if !dev.created {
		return nil
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Index = dev.name, dev.current()
	err := netlink.LinkDel(&netlink.Bridge{LinkAttrs: attrs})
	if err != nil && !errors.Is(err, os.ErrNotExist) && !isGone(err) {
		return fmt.Errorf("removing bridge %s: %w", dev.name, err)
	}
	return nil
}

// outside are addresses of the world, that RFC 5737 gives to nobody.
var outside = []netip.Addr{
	netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("203.0.113.1"),
}

// mtuOfDefaultRoute is what packets to the outside may be long. It costs the same
// on a host of thousands of routes.
func mtuOfDefaultRoute(host *rtnl.Conn) int {
	r, ok := defaultRoute(host)
	if !ok {
		return defaultMTU
	}
	if link, err := netlink.LinkByIndex(r.Index); err == nil && link.Attrs().MTU > 0 {
		return link.Attrs().MTU
	}
	return defaultMTU
}

// defaultRoute asks the way to the outside. It looks through all routes only where
// the host has ways of their own to those addresses.
func defaultRoute(host *rtnl.Conn) (rtnl.Route, bool) {
	taken := false
	for _, to := range outside {
		r, err := host.RouteTo(to)
		if err == nil && r.To.Bits() == 0 {
			return r, true
		}
		taken = taken || err == nil // else there is no way, or the address is the host's own
	}
	if !taken {
		return rtnl.Route{}, false
	}
	routes, _ := dump(host.Routes)
	i := slices.IndexFunc(routes, func(r rtnl.Route) bool { return r.To.Addr().Is4() && r.To.Bits() == 0 })
	if i < 0 {
		return rtnl.Route{}, false
	}
	return routes[i], true
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
		if found, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) && !errors.Is(err, rtnl.ErrChanged) {
			return found, err
		}
	}
	return found, nil // a busy host: nearly all is there
}
