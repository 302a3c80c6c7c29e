package rtnl

import (
	"encoding/binary"
	"fmt"
	"net"

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

// LinkDown sets a link down.
func LinkDown(index int) Request {
	return Request{unix.RTM_NEWLINK, 0, ifinfo(index, 0, unix.IFF_UP), fmt.Sprintf("setting link %d down", index)}
}

// DelLink removes a link; of a pair, both ends.
func DelLink(index int) Request {
	return Request{unix.RTM_DELLINK, 0, ifinfo(index, 0, 0), fmt.Sprintf("removing link %d", index)}
}

// DelLinkNamed removes a link by name, without asking for its index first.
func DelLinkNamed(name string) Request {
	return Request{unix.RTM_DELLINK, 0, attrString(ifinfo(0, 0, 0), unix.IFLA_IFNAME, name), "removing link " + name}
}

// SetName renames a link. One that is up keeps its name on kernels before 6.2;
// set it down first.
func SetName(index int, name string) Request {
	body := attrString(ifinfo(index, 0, 0), unix.IFLA_IFNAME, name)
	return Request{unix.RTM_NEWLINK, 0, body, fmt.Sprintf("renaming link %d to %s", index, name)}
}

// SetMAC changes the hardware address of a link.
func SetMAC(index int, mac net.HardwareAddr) Request {
	body := attr(ifinfo(index, 0, 0), unix.IFLA_ADDRESS, mac)
	return Request{unix.RTM_NEWLINK, 0, body, fmt.Sprintf("setting hardware address of link %d to %s", index, mac)}
}

// SetMTU changes how many bytes a packet of a link may have.
func SetMTU(index, mtu int) Request {
	body := attr32(ifinfo(index, 0, 0), unix.IFLA_MTU, uint32(mtu))
	return Request{unix.RTM_NEWLINK, 0, body, fmt.Sprintf("setting MTU of link %d to %d", index, mtu)}
}

// SetMaster hangs a link on the bridge with an index; 0 takes it off.
func SetMaster(index, master int) Request {
	body := attr32(ifinfo(index, 0, 0), unix.IFLA_MASTER, uint32(master))
	return Request{unix.RTM_NEWLINK, 0, body, fmt.Sprintf("setting bridge of link %d to %d", index, master)}
}

func linkByName(name string) Request {
	return Request{unix.RTM_GETLINK, 0, attrString(ifinfo(0, 0, 0), unix.IFLA_IFNAME, name), "finding link " + name}
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
