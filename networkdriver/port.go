package networkdriver

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// Port is a port of one protocol, "80/tcp".
type Port struct {
	Number uint16
	Proto  string
}

// String writes it as it is read.
func (p Port) String() string { return strconv.Itoa(int(p.Number)) + "/" + p.Proto }

// ParsePort reads "80/tcp"; without a protocol it is tcp.
func ParsePort(text string) (Port, error) {
	number, proto, found := strings.Cut(text, "/")
	if !found {
		proto = "tcp"
	}
	proto, err := ParseProto(proto)
	if err != nil {
		return Port{}, err
	}
	n, err := parseNumber(number)
	if err != nil {
		return Port{}, errdefs.InvalidArgument("invalid port %q: %w", text, err)
	}
	return Port{n, proto}, nil
}

// ParseProto reads the name of a protocol that has ports.
func ParseProto(text string) (string, error) {
	switch proto := strings.ToLower(text); proto {
	case "tcp", "udp", "sctp":
		return proto, nil
	}
	return "", errdefs.InvalidArgument("unsupported address type %q: want tcp, udp or sctp", text)
}

// PortRange is a range of ports, both ends included. The zero value means any
// port.
type PortRange struct{ First, Last uint16 }

// ParsePortRange reads "8000" or "8000-8010"; empty and "0" mean any port.
func ParsePortRange(text string) (PortRange, error) {
	if text == "" || text == "0" {
		return PortRange{}, nil
	}
	first, last, found := strings.Cut(text, "-")
	if !found {
		last = first
	}
	a, err := parseNumber(first)
	if err != nil {
		return PortRange{}, errdefs.InvalidArgument("invalid port range %q: %w", text, err)
	}
	b, err := parseNumber(last)
	if err != nil {
		return PortRange{}, errdefs.InvalidArgument("invalid port range %q: %w", text, err)
	}
	if a > b {
		return PortRange{}, errdefs.InvalidArgument("invalid port range %q: it ends before it begins", text)
	}
	return PortRange{a, b}, nil
}

// String writes it as it is read.
func (r PortRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return strconv.Itoa(int(r.First)) + "-" + strconv.Itoa(int(r.Last))
}

// parseNumber reads a port number in plain digits.
func parseNumber(text string) (uint16, error) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, errdefs.InvalidArgument("%q is not a number", text)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, errdefs.InvalidArgument("%s is not between 1 and 65535", text)
	}
	return uint16(n), nil
}

// Settled is a request for the very port that was given.
func (r PortRequest) Settled(p PublishedPort) (PortRequest, error) {
	ip, err := netip.ParseAddr(p.HostIP)
	if err != nil || p.HostPort < 1 || p.HostPort > 65535 {
		return r, errdefs.Internal("the driver published a port at %q, port %d", p.HostIP, p.HostPort)
	}
	r.HostIP, r.HostPorts = ip, PortRange{uint16(p.HostPort), uint16(p.HostPort)}
	return r, nil
}
