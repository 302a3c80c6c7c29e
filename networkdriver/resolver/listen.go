//go:build linux

package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/netns"
)

// The sockets take the first free one of these ports. They are above those that
// Linux gives to whoever wants any, and programs that want a certain one there
// are few: what listens on a port of 127.0.0.11 is in the way of who wants the
// same of all addresses.
const firstPort, portsTried = 61053, 64

// namePort is where name servers listen (RFC 1035).
const namePort = 53

// receiveBuffer is how many bytes of questions may wait; the kernel counts most
// of a kilobyte for each. It takes no memory while none does.
const receiveBuffer = 4 << 20

// listen opens the sockets and leads port 53 to them. Where the kernel has no
// nftables, port 53 itself has to be free.
func (s *Server) listen(ns *os.File, redirect func(uint16) error) error {
	return netns.Do(ns, func() error {
		port, err := s.bindFree()
		if err != nil {
			return err
		}
		rules := redirect(port)
		if rules == nil {
			return nil
		}
		if err := errors.Join(s.udp.Close(), s.tcp.Close(), s.bind(namePort)); err != nil {
			return errors.Join(rules, err)
		}
		return nil
	})
}

// bindFree binds a port that nobody has.
func (s *Server) bindFree() (uint16, error) {
	var err error
	for port := uint16(firstPort); port < firstPort+portsTried; port++ {
		if err = s.bind(port); !errors.Is(err, unix.EADDRINUSE) {
			return port, err
		}
	}
	return 0, err
}

// bind opens both sockets on a port. The caller is inside the namespace.
func (s *Server) bind(port uint16) error {
	at := netip.AddrPortFrom(netip.MustParseAddr(Address), port).String()
	cfg := net.ListenConfig{Control: prepare}
	cfg.SetMultipathTCP(false) // nobody has several ways to 127.0.0.11
	udp, err := cfg.ListenPacket(context.Background(), "udp4", at)
	if err != nil {
		return err
	}
	tcp, err := cfg.Listen(context.Background(), "tcp4", at)
	if err != nil {
		return errors.Join(err, udp.Close())
	}
	u, isUDP := udp.(*net.UDPConn)
	t, isTCP := tcp.(*net.TCPListener)
	if !isUDP || !isTCP {
		return errors.Join(fmt.Errorf("listening at %s: these are no sockets of UDP and TCP", at), udp.Close(), tcp.Close())
	}
	s.udp, s.tcp = u, t
	return nil
}

// prepare lets many questions wait; without, it still works. It also looks
// whether the loopback interface is up: if it is not, the kernel takes the address
// for one of a broadcast, and answers would come from another for ever.
func prepare(network, _ string, c syscall.RawConn) error {
	if network != "udp4" {
		return nil
	}
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	cerr := c.Control(func(fd uintptr) {
		if err = unix.IoctlIfreq(int(fd), unix.SIOCGIFFLAGS, lo); err == nil && lo.Uint16()&unix.IFF_UP == 0 {
			err = fmt.Errorf("the loopback interface is down: %w", unix.EADDRNOTAVAIL)
		}
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		}
	})
	return errors.Join(err, cerr)
}

// namespace opens the namespace that the sockets are in, so that none has to be
// kept open.
func (s *Server) namespace() (*os.File, error) {
	raw, err := s.udp.SyscallConn()
	if err != nil {
		return nil, err
	}
	var ns int
	cerr := raw.Control(func(fd uintptr) { ns, err = unix.IoctlRetInt(int(fd), unix.SIOCGSKNS) })
	if err := errors.Join(err, cerr); err != nil {
		return nil, fmt.Errorf("finding the network namespace of a container: %w", err)
	}
	return os.NewFile(uintptr(ns), "network namespace of a name server"), nil
}

// inside runs f inside the namespace.
func (s *Server) inside(f func() error) error {
	ns, err := s.namespace()
	if err != nil {
		return err
	}
	return errors.Join(netns.Do(ns, f), ns.Close())
}
