package rtnl

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// AddAddr gives the link an address, which is good at once: whoever gives out
// addresses knows that nobody else has it (IFA_F_NODAD of linux/if_addr.h). The
// broadcast address is the last one of an IPv4 network that has one.
func AddAddr(index int, p netip.Prefix) Request {
	body := address(index, p)
	if p.Addr().Is4() && p.Bits() < 31 {
		last := binary.BigEndian.Uint32(p.Addr().AsSlice()) | (1<<(32-p.Bits()) - 1)
		body = attr(body, unix.IFA_BROADCAST, binary.BigEndian.AppendUint32(nil, last))
	}
	return Request{unix.RTM_NEWADDR, unix.NLM_F_CREATE | unix.NLM_F_EXCL, body, "adding address " + p.String()}
}

// DelAddr takes an address away; the kernel takes the routes that came with it.
func DelAddr(index int, p netip.Prefix) Request {
	return Request{unix.RTM_DELADDR, 0, address(index, p), "removing address " + p.String()}
}

// address is struct ifaddrmsg and the address.
func address(index int, p netip.Prefix) []byte {
	flags := byte(0)
	if p.Addr().Is6() {
		flags = unix.IFA_F_NODAD
	}
	body := []byte{family(p.Addr()), byte(p.Bits()), flags, unix.RT_SCOPE_UNIVERSE}
	body = binary.NativeEndian.AppendUint32(body, uint32(index))
	body = attr(body, unix.IFA_LOCAL, p.Addr().AsSlice())
	return attr(body, unix.IFA_ADDRESS, p.Addr().AsSlice())
}

// Route is a way to a network: Via a gateway, or without one right on the link.
// Metric 0 leaves the choice to the kernel (0 for IPv4, 1024 for IPv6); of two
// routes to one network the one with the smaller metric is used.
type Route struct {
	Index  int
	To     netip.Prefix // invalid or of 0 bits: everything else
	Via    netip.Addr
	Metric int
}

// AddDefaultRoute sends everything else to the gateway.
func AddDefaultRoute(index int, gateway netip.Addr) Request {
	return AddRoute(Route{Index: index, Via: gateway})
}

// ReplaceDefaultRoute sends everything else to the gateway, whether or not
// there was a default route with the kernel's metric.
func ReplaceDefaultRoute(index int, gateway netip.Addr) Request {
	return ReplaceRoute(Route{Index: index, Via: gateway})
}

// DelDefaultRoute takes the default route of the gateway's family through the
// link away.
func DelDefaultRoute(index int, gateway netip.Addr) Request {
	return DelRoute(Route{Index: index, Via: gateway})
}

// AddRoute adds a route to the main table. It fails when there is one to the
// same network with the same metric.
func AddRoute(r Route) Request {
	return Request{unix.RTM_NEWROUTE, unix.NLM_F_CREATE | unix.NLM_F_EXCL, r.body(), "adding " + r.String()}
}

// ReplaceRoute puts a route in the place of one to the same network with the
// same metric, in one step: no packet finds none.
func ReplaceRoute(r Route) Request {
	return Request{unix.RTM_NEWROUTE, unix.NLM_F_CREATE | unix.NLM_F_REPLACE, r.body(), "setting " + r.String()}
}

// DelRoute removes a route of the main table. What is zero in r matches all.
func DelRoute(r Route) Request {
	body := r.body()
	body[5], body[6], body[7] = 0, unix.RT_SCOPE_NOWHERE, 0 // protocol, scope, type: any
	return Request{unix.RTM_DELROUTE, 0, body, "removing " + r.String()}
}

// String is how errors name the route.
func (r Route) String() string {
	text := "default route"
	if r.To.IsValid() && r.To.Bits() > 0 {
		text = "route to " + r.To.String()
	}
	if r.Via.IsValid() {
		return text + " via " + r.Via.String()
	}
	return fmt.Sprintf("%s on link %d", text, r.Index)
}

// body is struct rtmsg and the attributes.
func (r Route) body() []byte {
	one := r.To.Addr()
	if !one.IsValid() {
		one = r.Via
	}
	scope := byte(unix.RT_SCOPE_UNIVERSE)
	if !r.Via.IsValid() && one.Is4() {
		scope = unix.RT_SCOPE_LINK
	}
	body := []byte{family(one), byte(max(r.To.Bits(), 0)), 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_BOOT, scope, unix.RTN_UNICAST, 0, 0, 0, 0}
	if r.To.IsValid() && r.To.Bits() > 0 {
		body = attr(body, unix.RTA_DST, r.To.Masked().Addr().AsSlice())
	}
	if r.Via.IsValid() {
		body = attr(body, unix.RTA_GATEWAY, r.Via.AsSlice())
	}
	if r.Index != 0 {
		body = attr32(body, unix.RTA_OIF, uint32(r.Index))
	}
	if r.Metric != 0 {
		body = attr32(body, unix.RTA_PRIORITY, uint32(r.Metric))
	}
	return body
}

func family(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
