package userlandproxy

import (
	"fmt"
	"io"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Reserve binds a port without serving it: no other program can take it, and
// what reaches it in spite of a redirection is refused.
func Reserve(proto string, host netip.AddrPort) (io.Closer, error) {
	kind := unix.SOCK_STREAM
	switch proto {
	case "tcp":
	case "udp":
		kind = unix.SOCK_DGRAM
	default:
		return nil, fmt.Errorf("reserving %s: unsupported address type %q", host, proto)
	}
	domain := unix.AF_INET
	var at unix.Sockaddr
	if ip := host.Addr(); ip.Is4() {
		at = &unix.SockaddrInet4{Port: int(host.Port()), Addr: ip.As4()}
	} else {
		domain, at = unix.AF_INET6, &unix.SockaddrInet6{Port: int(host.Port()), Addr: ip.As16()}
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	socket := os.NewFile(uintptr(fd), "reserved port "+host.String())
	if proto == "tcp" { // connections of a former user may still be fading away
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil && domain == unix.AF_INET6 { // IPv4 is another proxy's
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err == nil {
		err = unix.Bind(fd, at)
	}
	if err != nil {
		socket.Close()
		return nil, os.NewSyscallError("bind", err)
	}
	return socket, nil
}
