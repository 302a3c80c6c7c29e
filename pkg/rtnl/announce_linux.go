package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Announce tells everybody on a link that an address is at a hardware address
// now, so that nobody goes on sending to a former owner: an ARP announcement
// (RFC 5227) or an unsolicited neighbour advertisement (RFC 4861). It is sent
// from the network namespace of the calling thread, once; the link must be up
// and have the address.
func Announce(index int, ip netip.Addr, mac net.HardwareAddr) error {
	if len(mac) != 6 || !ip.IsValid() {
		return fmt.Errorf("announcing %s at %q: no such address", ip, mac)
	}
	send := announce6
	if ip.Is4() {
		send = announce4
	}
	if err := send(index, ip, mac); err != nil {
		return fmt.Errorf("announcing %s on link %d: %w", ip, index, err)
	}
	return nil
}

func announce4(index int, ip netip.Addr, mac net.HardwareAddr) error {
	arp := binary.NativeEndian.Uint16([]byte{unix.ETH_P_ARP >> 8, unix.ETH_P_ARP & 0xff}) // in the order of the wire
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	msg := []byte{0, 1, 8, 0, 6, 4, 0, 1} // Ethernet, IPv4, their lengths, a request
	msg = append(msg, mac...)
	msg = append(msg, ip.AsSlice()...)
	msg = append(msg, make([]byte, 6)...)
	msg = append(msg, ip.AsSlice()...)
	to := &unix.SockaddrLinklayer{Ifindex: index, Protocol: arp, Halen: 6, Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
	return errors.Join(unix.Sendto(fd, msg, 0, to), unix.Close(fd))
}

func announce6(index int, ip netip.Addr, mac net.HardwareAddr) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
	if err != nil {
		return err
	}
	const advertisement, override, linkLayer = 136, 0x20, 2
	msg := []byte{advertisement, 0, 0, 0, override, 0, 0, 0} // the kernel puts the checksum in
	msg = append(msg, ip.AsSlice()...)
	msg = append(msg, linkLayer, 1) // in units of 8 bytes
	msg = append(msg, mac...)
	everybody := &unix.SockaddrInet6{Addr: netip.IPv6LinkLocalAllNodes().As16(), ZoneId: uint32(index)}
	err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255) // others are not believed
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet6{Addr: ip.As16(), ZoneId: uint32(index)})
	}
	if err == nil {
		err = unix.Sendto(fd, msg, 0, everybody)
	}
	return errors.Join(err, unix.Close(fd))
}
