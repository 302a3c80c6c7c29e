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
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	socket := os.NewFile(uintptr(fd), "reserved port "+host.String())
	if proto == "tcp" { // connections of a former user may still be fading away
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(host.Port()), Addr: host.Addr().As4()})
	}
	if err != nil {
		socket.Close()
		return nil, os.NewSyscallError("bind", err)
	}
	return socket, nil
}
