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

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/rtnl"
)

// inside is the name of the interface that a container sees; loopback is the
// index of lo in every namespace.
const (
	inside   = "eth0"
	loopback = 1
)

// sandbox is a network namespace with a configured interface.
type sandbox struct {
	ip  netip.Addr
	mac net.HardwareAddr
	ns  *os.File // nil: only an address
}

// key is the path under which other processes open the namespace. It is good
// until close.
func (s *sandbox) key() string {
	if s.ns == nil {
		return ""
	}
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), s.ns.Fd())
}

// close lets go of the namespace. It and its interfaces vanish when no process
// is in it; the kernel does that on its own time.
func (s *sandbox) close() {
	if s.ns != nil {
		s.ns.Close()
		s.ns = nil
	}
}

// buildNext makes a sandbox with the next free address.
func (d *Driver) buildNext() (*sandbox, error) {
	ip, err := d.ips.Next()
	if err != nil {
		return nil, err
	}
	s, err := d.build(ip, networkdriver.MAC(ip))
	if err != nil {
		d.ips.Release(ip)
		return nil, err
	}
	return s, nil
}

// build makes a namespace whose loopback and eth0 are up and which knows the
// way to everywhere. On failure the namespace is dropped, and with it all.
func (d *Driver) build(ip netip.Addr, mac net.HardwareAddr) (*sandbox, error) {
	var conn *rtnl.Conn
	ns, err := netns.New(func() (err error) { conn, err = rtnl.Dial(); return err })
	if err != nil {
		return nil, fmt.Errorf("making a sandbox for %s: %w", ip, err)
	}
	err = errors.Join(d.plug(ns, conn, ip, mac), conn.Close())
	if err != nil {
		ns.Close()
		return nil, fmt.Errorf("making a sandbox for %s: %w", ip, err)
	}
	return &sandbox{ip: ip, mac: mac, ns: ns}, nil
}

// plug connects a namespace to the bridge. conn is a socket inside it.
func (d *Driver) plug(ns *os.File, conn *rtnl.Conn, ip netip.Addr, mac net.HardwareAddr) error {
	if err := d.pair(ns, mac); err != nil {
		return err
	}
	index, err := conn.LinkIndex(inside)
	if err != nil {
		return err
	}
	return conn.Do(
		rtnl.LinkUp(loopback),
		rtnl.LinkUp(index),
		rtnl.AddAddr(index, netip.PrefixFrom(ip, d.device.address.Bits())),
		rtnl.AddDefaultRoute(index, d.device.address.Addr()),
	)
}

// present tells whether the bridge is still there. Without the question a
// sandbox from the pool would be given away that leads nowhere.
func (d *Driver) present() error {
	switch index, err := d.host.LinkIndex(d.device.name); {
	case isGone(err), err == nil && index != d.device.index:
		return errdefs.Unavailable("bridge %s was removed behind our back: restart the daemon to make it anew", d.device.name)
	default:
		return err
	}
}

// pair makes the veth pair, under another name if that one is taken.
func (d *Driver) pair(ns *os.File, mac net.HardwareAddr) error {
	for attempt := 0; ; attempt++ {
		name := hostName()
		requests := []rtnl.Request{rtnl.NewVeth(rtnl.Veth{
			Name: name, PeerName: inside, Master: d.device.index, MTU: d.device.mtu,
			PeerNS: int(ns.Fd()), PeerMAC: mac,
		}), rtnl.SetAlias(name, portAlias)}
		port := rtnl.BridgePort{Name: name, Isolated: !d.cfg.InterContainerCommunication, Hairpin: !d.cfg.UserlandProxy}
		if port.Isolated || port.Hairpin {
			requests = append(requests, rtnl.SetBridgePort(port))
		}
		err := d.host.Do(requests...)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EEXIST) && attempt < 3:
		default:
			return err
		}
	}
}

// hostName is a fresh name for the host end of a pair.
func hostName() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return "veth" + hex.EncodeToString(b)[:7]
}
