//go:build linux

package bridge

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/rtnl"
)

// firstName is the name of the interface of a new namespace; loopback is the
// index of lo in every one.
const (
	firstName = "eth0"
	loopback  = 1
)

// end is the container's end of a veth pair, with its addresses.
type end struct {
	v4, v6 netip.Addr
	mac    net.HardwareAddr
	port   string   // the host's end; empty when restored
	ns     *os.File // a new namespace that nobody has taken over yet
}

// close lets go of the namespace. It and its interfaces vanish when no process
// is in it; the kernel does that on its own time.
func (e *end) close() {
	if e.ns != nil {
		e.ns.Close()
		e.ns = nil
	}
}

// fits tells whether a ready end will do for a request.
func (e *end) fits(req networkdriver.InterfaceRequest) bool {
	return (req.MAC == nil || string(req.MAC) == string(e.mac)) && (!req.IPv6.IsValid() || req.IPv6 == e.v6)
}

// plain tells whether a request is one that the pool can meet.
func plain(req networkdriver.InterfaceRequest) bool {
	return req.Namespace == nil && !req.Restore && len(req.LinkLocal) == 0 && (req.Name == "" || req.Name == firstName) && req.Gateway
}

// buildNext makes an end with the next free addresses in a new namespace.
func (n *Network) buildNext() (*end, error) {
	return n.make(networkdriver.InterfaceRequest{Gateway: true})
}

// make makes an end. On failure its addresses are free again.
func (n *Network) make(req networkdriver.InterfaceRequest) (*end, error) {
	e := &end{mac: req.MAC}
	if err := n.address(e, req); err != nil {
		return nil, err
	}
	if req.Restore {
		return e, nil
	}
	if err := n.build(e, req); err != nil {
		n.giveBack(e)
		return nil, err
	}
	return e, nil
}

// address reserves the addresses of an end.
func (n *Network) address(e *end, req networkdriver.InterfaceRequest) (err error) {
	if n.v4 != nil {
		if e.v4, err = n.take(n.v4, req.IP, req.Restore); err != nil {
			return err
		}
	}
	if n.v6 != nil {
		if e.v6, err = n.take(n.v6, req.IPv6, req.Restore); err != nil {
			n.giveBack(e)
			return err
		}
	}
	switch {
	case e.mac != nil:
	case e.v4.IsValid():
		e.mac = networkdriver.MAC(e.v4)
	default:
		e.mac = randomMAC()
	}
	return nil
}

// take reserves one address. What was found on the bridge at start only a
// running container may claim.
func (n *Network) take(from *networkdriver.Subnet, wish netip.Addr, restore bool) (netip.Addr, error) {
	switch {
	case !wish.IsValid():
		return from.Next()
	case restore && n.recognise(wish):
		return wish, nil
	}
	return wish, from.Reserve(wish)
}

// recognise hands an address that was found on the bridge to its owner.
func (n *Network) recognise(ip netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.strangers[ip]
	delete(n.strangers, ip)
	return known
}

// giveBack frees the addresses.
func (n *Network) giveBack(e *end) {
	if e.v4.IsValid() {
		n.v4.Release(e.v4)
	}
	if e.v6.IsValid() {
		n.v6.Release(e.v6)
	}
}

// maxPorts is how many links a bridge can have: BR_MAX_PORTS of the kernel's
// net/bridge/br_private.h, less the one number that is none.
const maxPorts = 1023

// build makes the pair and configures the container's end, in a new namespace
// or in the given one. On failure nothing is left of it.
func (n *Network) build(e *end, req networkdriver.InterfaceRequest) (err error) {
	var conn *rtnl.Conn
	dial := func() (err error) { conn, err = rtnl.Dial(); return err }
	ns := req.Namespace
	if ns == nil {
		ns, err = netns.New(dial)
		e.ns = ns
	} else {
		err = netns.Do(ns, dial)
	}
	if err != nil {
		return fmt.Errorf("making an interface for %s: %w", e.called(), err)
	}
	err = errors.Join(n.plug(e, ns, conn, req), conn.Close())
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EXFULL) {
		err = errdefs.Unavailable("bridge %s has as many containers as the kernel allows on one, %d: use another network", n.device.name, maxPorts)
	}
	e.close()
	if req.Namespace != nil && e.port != "" {
		err = errors.Join(err, n.unplug(e.port))
	}
	return fmt.Errorf("making an interface for %s: %w", e.called(), err)
}

func (e *end) called() string {
	if e.v4.IsValid() {
		return e.v4.String()
	}
	return e.v6.String()
}

// plug connects a namespace to the bridge. conn is a socket inside it.
func (n *Network) plug(e *end, ns *os.File, conn *rtnl.Conn, req networkdriver.InterfaceRequest) error {
	name := req.Name
	if name == "" {
		name = firstName
	}
	if err := n.pair(e, ns, name); err != nil {
		return err
	}
	index, err := conn.LinkIndex(name)
	if err != nil {
		return err
	}
	requests := []rtnl.Request{rtnl.LinkUp(loopback), rtnl.LinkUp(index)}
	if e.v4.IsValid() {
		requests = append(requests, rtnl.AddAddr(index, netip.PrefixFrom(e.v4, n.set.v4.Bits())))
	}
	if e.v6.IsValid() {
		requests = append(requests, rtnl.AddAddr(index, netip.PrefixFrom(e.v6, n.set.v6.Bits())))
	}
	for _, ip := range req.LinkLocal {
		requests = append(requests, rtnl.AddAddr(index, linkLocal(ip)))
	}
	if req.Gateway {
		for _, way := range []netip.Addr{n.set.way4, n.set.way6} {
			if way.IsValid() {
				requests = append(requests, rtnl.AddDefaultRoute(index, way))
			}
		}
	}
	return conn.Do(requests...)
}

// linkLocal is an address that nobody administers with its network (RFC 3927,
// RFC 4291).
func linkLocal(ip netip.Addr) netip.Prefix {
	if ip.Is4() {
		return netip.PrefixFrom(ip, 16)
	}
	return netip.PrefixFrom(ip, 64)
}

// pair makes the veth pair, under another name if that one is taken.
func (n *Network) pair(e *end, ns *os.File, inside string) error {
	for attempt := 0; ; attempt++ {
		name := hostName()
		requests := []rtnl.Request{rtnl.NewVeth(rtnl.Veth{
			Name: name, PeerName: inside, Master: n.device.current(), MTU: n.device.mtu,
			PeerNS: int(ns.Fd()), PeerMAC: e.mac,
		}), rtnl.SetAlias(name, n.device.portAlias())}
		if port := n.port(name); port.Isolated || port.Hairpin {
			requests = append(requests, rtnl.SetBridgePort(port))
		}
		err := n.drv.host.Do(requests...)
		switch {
		case err == nil:
			e.port = name
			return nil
		case errors.Is(err, unix.EEXIST) && attempt < 3:
			if err := n.dropStale(ns, inside); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// dropStale removes an interface of the engine that has a name in a namespace
// where a new one is to have it: a process that was killed has left it there.
// Those of others stay.
func (n *Network) dropStale(ns *os.File, name string) error {
	peer := 0
	err := netns.Do(ns, func() error {
		link, err := netlink.LinkByName(name)
		if err == nil {
			peer = link.Attrs().ParentIndex
		}
		return err
	})
	if err == nil && peer != 0 {
		var link netlink.Link
		link, err = netlink.LinkByIndex(peer)
		if err == nil && link.Type() == "veth" && n.stale(link.Attrs()) {
			err = netlink.LinkDel(link)
		}
	}
	if err != nil && !isGone(err) {
		return fmt.Errorf("removing interface %s, which was left behind: %w", name, err)
	}
	return nil
}

// stale tells whether a host's end is of the engine: it says so, or hangs on the
// bridge and could not say so any more.
func (n *Network) stale(at *netlink.LinkAttrs) bool {
	return strings.HasPrefix(at.Alias, portOf) || at.Alias == "" && at.MasterIndex == n.device.current()
}

// hostName is a fresh name for the host end of a pair.
func hostName() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return "veth" + hex.EncodeToString(b)[:7]
}

// randomMAC is a hardware address of the custom that MAC follows.
func randomMAC() net.HardwareAddr {
	mac := make(net.HardwareAddr, 6)
	_, _ = rand.Read(mac) // never fails
	mac[0], mac[1] = 0x02, 0x42
	return mac
}
