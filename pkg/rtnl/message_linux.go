package rtnl

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Request is one message for Conn.Do.
type Request struct {
	kind, flags uint16
	body        []byte
	what        string
}

const (
	nested = 1 << 15 // NLA_F_NESTED
	// vethInfoPeer is VETH_INFO_PEER of linux/veth.h.
	vethInfoPeer = 1
	// Options of a bridge port, IFLA_BRPORT_MODE and IFLA_BRPORT_ISOLATED of
	// linux/if_link.h.
	portHairpin  = 4
	portIsolated = 33
)

// Veth describes a pair: Name stays in the namespace of the Conn, enslaved to
// the bridge with index Master (0: none) and up; PeerName is made directly in
// the namespace PeerNS and stays down.
type Veth struct {
	Name, PeerName string
	Master         int
	MTU            int
	PeerNS         int // descriptor
	PeerMAC        net.HardwareAddr
}

// NewVeth makes the pair, both ends with the MTU.
func NewVeth(v Veth) Request {
	peer := ifinfo(0, 0, 0)
	peer = attrString(peer, unix.IFLA_IFNAME, v.PeerName)
	peer = attr32(peer, unix.IFLA_MTU, uint32(v.MTU))
	peer = attr(peer, unix.IFLA_ADDRESS, v.PeerMAC)
	peer = attr32(peer, unix.IFLA_NET_NS_FD, uint32(v.PeerNS))
	info := attr(nil, unix.IFLA_INFO_KIND, []byte("veth"))
	info = attr(info, unix.IFLA_INFO_DATA|nested, attr(nil, vethInfoPeer|nested, peer))

	body := ifinfo(0, unix.IFF_UP, unix.IFF_UP)
	body = attrString(body, unix.IFLA_IFNAME, v.Name)
	body = attr32(body, unix.IFLA_MTU, uint32(v.MTU))
	if v.Master != 0 {
		body = attr32(body, unix.IFLA_MASTER, uint32(v.Master))
	}
	body = attr(body, unix.IFLA_LINKINFO|nested, info)
	return Request{unix.RTM_NEWLINK, unix.NLM_F_CREATE | unix.NLM_F_EXCL, body, "making veth pair " + v.Name}
}

// BridgePort sets options of a link that hangs on a bridge: Isolated ports
// exchange no frames with each other, Hairpin ones may get back what they sent.
type BridgePort struct {
	Name              string
	Isolated, Hairpin bool
}

// SetBridgePort changes the options.
func SetBridgePort(p BridgePort) Request {
	options := attr(nil, portIsolated, flag(p.Isolated))
	options = attr(options, portHairpin, flag(p.Hairpin))
	info := attr(nil, unix.IFLA_INFO_SLAVE_KIND, []byte("bridge"))
	info = attr(info, unix.IFLA_INFO_SLAVE_DATA|nested, options)
	body := attrString(ifinfo(0, 0, 0), unix.IFLA_IFNAME, p.Name)
	body = attr(body, unix.IFLA_LINKINFO|nested, info)
	return Request{unix.RTM_NEWLINK, 0, body, "setting bridge options of " + p.Name}
}

// SetAlias gives a link a text that says whose it is.
func SetAlias(name, alias string) Request {
	body := attrString(ifinfo(0, 0, 0), unix.IFLA_IFNAME, name)
	body = attrString(body, unix.IFLA_IFALIAS, alias)
	return Request{unix.RTM_NEWLINK, 0, body, "setting alias of " + name}
}

func flag(set bool) []byte {
	if set {
		return []byte{1}
	}
	return []byte{0}
}

// LinkUp sets a link up.
func LinkUp(index int) Request {
	return Request{unix.RTM_NEWLINK, 0, ifinfo(index, unix.IFF_UP, unix.IFF_UP), fmt.Sprintf("setting link %d up", index)}
}

// AddAddr gives the link an address, which is good at once: whoever gives out
// addresses knows that nobody else has it (IFA_F_NODAD of linux/if_addr.h). The
// broadcast address is the last one of an IPv4 network that has one.
func AddAddr(index int, p netip.Prefix) Request {
	ip := p.Addr().AsSlice()
	flags := byte(0)
	if p.Addr().Is6() {
		flags = unix.IFA_F_NODAD
	}
	body := []byte{family(p.Addr()), byte(p.Bits()), flags, unix.RT_SCOPE_UNIVERSE}
	body = binary.NativeEndian.AppendUint32(body, uint32(index))
	body = attr(body, unix.IFA_LOCAL, ip)
	body = attr(body, unix.IFA_ADDRESS, ip)
	if p.Addr().Is4() && p.Bits() < 31 {
		last := binary.BigEndian.Uint32(ip) | (1<<(32-p.Bits()) - 1)
		body = attr(body, unix.IFA_BROADCAST, binary.BigEndian.AppendUint32(nil, last))
	}
	return Request{unix.RTM_NEWADDR, unix.NLM_F_CREATE | unix.NLM_F_EXCL, body, "adding address " + p.String()}
}

// AddDefaultRoute sends everything else to the gateway.
func AddDefaultRoute(index int, gateway netip.Addr) Request {
	body := []byte{family(gateway), 0, 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_BOOT, unix.RT_SCOPE_UNIVERSE, unix.RTN_UNICAST, 0, 0, 0, 0}
	body = attr(body, unix.RTA_GATEWAY, gateway.AsSlice())
	body = attr32(body, unix.RTA_OIF, uint32(index))
	return Request{unix.RTM_NEWROUTE, unix.NLM_F_CREATE | unix.NLM_F_EXCL, body, "adding default route via " + gateway.String()}
}

func linkByName(name string) Request {
	return Request{unix.RTM_GETLINK, 0, attrString(ifinfo(0, 0, 0), unix.IFLA_IFNAME, name), "finding link " + name}
}

func family(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// ifinfo is struct ifinfomsg.
func ifinfo(index int, flags, change uint32) []byte {
	b := []byte{unix.AF_UNSPEC, 0, 0, 0}
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	b = binary.NativeEndian.AppendUint32(b, flags)
	return binary.NativeEndian.AppendUint32(b, change)
}

// attr appends one attribute, padded.
func attr(b []byte, kind uint16, data []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, data...)
	for len(b)%unix.RTA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

func attr32(b []byte, kind uint16, v uint32) []byte {
	return attr(b, kind, binary.NativeEndian.AppendUint32(nil, v))
}

func attrString(b []byte, kind uint16, s string) []byte {
	return attr(b, kind, append([]byte(s), 0))
}
