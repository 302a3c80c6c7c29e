package rtnl

import (
	"encoding/binary"
	"errors"
	"iter"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// ErrChanged comes with a list that was read while the kernel's changed: what
// came or went meanwhile may be missing, be there, or be there twice.
var ErrChanged = errors.New("changed while it was read")

const (
	dumpTries = 4
	// skipStats is RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h: counters are
	// most of the bytes of a link.
	skipStats = 1 << 3
	infoKind  = 1 // IFLA_INFO_KIND
)

// Link is an interface.
type Link struct {
	Index, Master int // Master is 0 for a link that hangs on no other
	Name, Alias   string
	Kind          string // "veth", "bridge", …; empty for a device
	MAC           net.HardwareAddr
	MTU           int
	Up            bool
}

// Addr is an address of a link; Prefix has the address itself in it.
type Addr struct {
	Index  int
	Prefix netip.Prefix
	Scope  byte // RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, …
}

// Links lists all links of the namespace. The list may come with ErrChanged.
func (c *Conn) Links() ([]Link, error) {
	body := attr32(ifinfo(0, 0, 0), unix.IFLA_EXT_MASK, skipStats)
	return dump(c, Request{unix.RTM_GETLINK, 0, body, "listing links"}, unix.RTM_NEWLINK, parseLink)
}

// Ports lists the links that hang on the link master. The kernel looks through its
// own; since Linux 4.6 the others are not even told. The list may come with
// ErrChanged.
func (c *Conn) Ports(master int) ([]Link, error) {
	body := attr32(attr32(ifinfo(0, 0, 0), unix.IFLA_EXT_MASK, skipStats), unix.IFLA_MASTER, uint32(master))
	return dump(c, Request{unix.RTM_GETLINK, 0, body, "listing ports"}, unix.RTM_NEWLINK, func(b []byte) (Link, bool) {
		l, ok := parseLink(b)
		return l, ok && l.Master == master
	})
}

// Addrs lists all addresses of the namespace, of both families. The list may
// come with ErrChanged.
func (c *Conn) Addrs() ([]Addr, error) {
	req := Request{unix.RTM_GETADDR, 0, make([]byte, unix.SizeofIfAddrmsg), "listing addresses"}
	return dump(c, req, unix.RTM_NEWADDR, parseAddr)
}

// Routes lists the unicast routes of the main table of the namespace, of both
// families. To is always valid, of 0 bits for a default route. The list may come
// with ErrChanged.
func (c *Conn) Routes() ([]Route, error) {
	return dump(c, listRoutes(), unix.RTM_NEWROUTE, parseRoute)
}

// Destinations lists where the main table of the namespace has a route to,
// unreachable ones and black holes too, of both families, without the default.
// The list may come with ErrChanged.
func (c *Conn) Destinations() ([]netip.Prefix, error) {
	return dump(c, listRoutes(), unix.RTM_NEWROUTE, func(b []byte) (netip.Prefix, bool) {
		r, _, ok := parseAnyRoute(b)
		return r.To, ok && r.To.Bits() > 0
	})
}

func listRoutes() Request {
	body := make([]byte, unix.SizeofRtMsg)
	body[4] = unix.RT_TABLE_MAIN
	return Request{unix.RTM_GETROUTE, 0, body, "listing routes"}
}

// dump asks for everything of a kind, again while it changes.
func dump[T any](c *Conn, req Request, kind uint16, parse func([]byte) (T, bool)) (list []T, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range dumpTries {
		list = list[:0]
		err = c.dumpOnce(req, kind, func(body []byte) {
			if v, ok := parse(body); ok {
				list = append(list, v)
			}
		})
		if !errors.Is(err, ErrChanged) {
			break
		}
	}
	return list, err
}

// dumpOnce hands each answer to each. The caller holds the lock.
func (c *Conn) dumpOnce(req Request, kind uint16, each func(body []byte)) error {
	if err := c.send([]Request{req}, unix.NLM_F_DUMP); err != nil {
		return err
	}
	for done, changed := false, false; ; {
		err := c.receive(func(h header, body []byte) error {
			if h.seq != c.seq {
				return nil // an answer to an exchange that was given up
			}
			changed = changed || h.flags&unix.NLM_F_DUMP_INTR != 0
			switch h.kind {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				done = true
				if len(body) >= 4 {
					if no := int32(binary.NativeEndian.Uint32(body)); no != 0 {
						return &Error{What: req.what, Err: unix.Errno(-no)}
					}
				}
			case kind:
				each(body)
			}
			return nil
		})
		switch {
		case err != nil:
			return err
		case done && changed:
			return &Error{What: req.what, Err: ErrChanged}
		case done:
			return nil
		}
	}
}

// attributes walks over what follows the fixed part of a message. It ends at
// what is malformed.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			size := int(binary.NativeEndian.Uint16(b))
			if size < unix.SizeofRtAttr || size > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) &^ nested
			if !yield(kind, b[unix.SizeofRtAttr:size]) {
				return
			}
			b = b[min(len(b), (size+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1)):]
		}
	}
}

func parseLink(b []byte) (l Link, ok bool) {
	if len(b) < unix.SizeofIfInfomsg {
		return l, false
	}
	l.Index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	l.Up = binary.NativeEndian.Uint32(b[8:])&unix.IFF_UP != 0
	for kind, data := range attributes(b[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.Name = text(data)
		case unix.IFLA_IFALIAS:
			l.Alias = text(data)
		case unix.IFLA_MASTER:
			l.Master = number(data)
		case unix.IFLA_MTU:
			l.MTU = number(data)
		case unix.IFLA_ADDRESS:
			l.MAC = net.HardwareAddr(append([]byte(nil), data...))
		case unix.IFLA_LINKINFO:
			for kind, data := range attributes(data) {
				if kind == infoKind {
					l.Kind = text(data)
				}
			}
		}
	}
	return l, true
}

// parseAddr prefers IFA_LOCAL: on links between two points IFA_ADDRESS is the
// other's.
func parseAddr(b []byte) (a Addr, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return a, false
	}
	bits := int(b[1])
	a.Scope, a.Index = b[3], int(int32(binary.NativeEndian.Uint32(b[4:])))
	var local, address netip.Addr
	for kind, data := range attributes(b[unix.SizeofIfAddrmsg:]) {
		switch kind {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(data)
		case unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(data)
		}
	}
	if !local.IsValid() {
		local = address
	}
	a.Prefix = netip.PrefixFrom(local, bits)
	return a, a.Prefix.IsValid()
}

func parseRoute(b []byte) (Route, bool) {
	r, kind, ok := parseAnyRoute(b)
	return r, ok && kind == unix.RTN_UNICAST
}

// parseAnyRoute reads a route of the main table; kind is RTN_UNICAST,
// RTN_BLACKHOLE, … of linux/rtnetlink.h.
func parseAnyRoute(b []byte) (r Route, kind byte, ok bool) {
	if len(b) < unix.SizeofRtMsg {
		return r, 0, false
	}
	table := int(b[4])
	to := netip.IPv4Unspecified()
	switch b[0] {
	case unix.AF_INET:
	case unix.AF_INET6:
		to = netip.IPv6Unspecified()
	default:
		return r, 0, false
	}
	for key, data := range attributes(b[unix.SizeofRtMsg:]) {
		switch key {
		case unix.RTA_TABLE:
			table = number(data)
		case unix.RTA_DST:
			to, _ = netip.AddrFromSlice(data)
		case unix.RTA_GATEWAY:
			r.Via, _ = netip.AddrFromSlice(data)
		case unix.RTA_OIF:
			r.Index = number(data)
		case unix.RTA_PRIORITY:
			r.Metric = number(data)
		}
	}
	cached := binary.NativeEndian.Uint32(b[8:])&unix.RTM_F_CLONED != 0
	r.To = netip.PrefixFrom(to, int(b[1]))
	return r, b[7], r.To.IsValid() && table == unix.RT_TABLE_MAIN && !cached
}

// text reads a string that ends with a zero.
func text(b []byte) string {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return string(b)
}

func number(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	return int(int32(binary.NativeEndian.Uint32(b)))
}
