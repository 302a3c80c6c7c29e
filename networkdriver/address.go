package networkdriver

import (
	"net"
	"net/netip"

	"github.com/enginejobs/docker/errdefs"
)

// Candidates are the bridge addresses that are tried in this order when the
// user gives none.
func Candidates() []netip.Prefix {
	return []netip.Prefix{
		v4(172, 17, 42, 1, 16), v4(10, 0, 42, 1, 16), v4(10, 1, 42, 1, 16), v4(10, 42, 42, 1, 16),
		v4(172, 16, 42, 1, 24), v4(172, 16, 43, 1, 24), v4(172, 16, 44, 1, 24),
		v4(10, 0, 42, 1, 24), v4(10, 0, 43, 1, 24),
		v4(192, 168, 42, 1, 24), v4(192, 168, 43, 1, 24), v4(192, 168, 44, 1, 24),
	}
}

func v4(a, b, c, d byte, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{a, b, c, d}), bits)
}

// Choose gives the first candidate that overlaps no network in use and holds
// no nameserver.
func Choose(candidates, inUse []netip.Prefix, nameservers []netip.Addr) (netip.Prefix, bool) {
	for _, c := range candidates {
		if free(c, inUse, nameservers) {
			return c, true
		}
	}
	return netip.Prefix{}, false
}

func free(c netip.Prefix, inUse []netip.Prefix, nameservers []netip.Addr) bool {
	for _, p := range inUse {
		if p.Bits() > 0 && p.Overlaps(c) { // the default route overlaps everything
			return false
		}
	}
	for _, ip := range nameservers {
		if c.Contains(ip.Unmap()) {
			return false
		}
	}
	return true
}

// MAC derives the hardware address of a container from its IPv4 address, so
// that an address that comes back is found where neighbours remember it.
func MAC(ip netip.Addr) net.HardwareAddr {
	b := ip.As4()
	return net.HardwareAddr{0x02, 0x42, b[0], b[1], b[2], b[3]}
}

// LinkLocal is the IPv6 address that the kernel gives an interface with this
// hardware address.
func LinkLocal(mac net.HardwareAddr) netip.Addr {
	if len(mac) != 6 {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
}

// ParseMAC reads the hardware address that a user wants.
func ParseMAC(text string) (net.HardwareAddr, error) {
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 {
		return nil, errdefs.InvalidArgument("invalid MAC address %q: want six bytes like 02:42:0a:00:00:02", text)
	}
	if mac[0]&1 != 0 || mac.String() == "00:00:00:00:00:00" {
		return nil, errdefs.InvalidArgument("invalid MAC address %q: it names a group or nothing, not one interface", text)
	}
	return mac, nil
}

// ParseBridgeIP reads an address with its network, "10.0.0.1/24". An empty
// text is no address.
func ParseBridgeIP(text string) (netip.Prefix, error) {
	p, err := parseNetwork(text)
	if err == nil && p.IsValid() && p.Bits() < p.Addr().BitLen()-1 && (p.Addr() == p.Masked().Addr() || p.Addr().Is4() && p.Addr() == lastOf(p)) {
		return netip.Prefix{}, errdefs.InvalidArgument("invalid address %q: it names the whole network, not one host in it", text)
	}
	return p, err
}

// ParseSubnet reads a network, "10.0.0.0/24". An empty text is no network.
func ParseSubnet(text string) (netip.Prefix, error) {
	p, err := parseNetwork(text)
	return p.Masked(), err
}

func parseNetwork(text string) (netip.Prefix, error) {
	if text == "" {
		return netip.Prefix{}, nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, errdefs.InvalidArgument("invalid CIDR address: %q", text)
	}
	return p, nil
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}
