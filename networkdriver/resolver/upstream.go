//go:build linux

package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// headerSize is how many bytes each packet begins with (RFC 1035).
const headerSize = 12

// ask asks one server, under another id and from a port of its own, until the
// context ends. A datagram that gets no answer for a while is sent once more.
func (s *Server) ask(ctx context.Context, u Upstream, packet []byte, stream bool) ([]byte, error) {
	question, err := questionOf(packet)
	if err != nil {
		return nil, err
	}
	f, err := s.open(u, stream)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	defer context.AfterFunc(ctx, func() { _ = f.SetDeadline(time.Unix(1, 0)) })() // before Close
	out := append([]byte(nil), packet...)
	id := dns.Id()
	binary.BigEndian.PutUint16(out, id)
	if stream {
		if err := writeMessage(f, out); err != nil {
			return nil, err
		}
		answer, err := readMessage(f)
		if err == nil && !answers(answer, id, question) {
			err = fmt.Errorf("name server %s answered another question", u.Addr)
		}
		return answer, err
	}
	return s.exchange(ctx, f, out, id, question)
}

// exchange asks by datagram. Packets that are no answer are passed over: somebody
// guesses, and the real one may still come.
func (s *Server) exchange(ctx context.Context, f *os.File, out []byte, id uint16, question []byte) (answer []byte, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(out); err != nil {
		return nil, err
	}
	again := true
	if err := f.SetReadDeadline(time.Now().Add(s.cfg.Timeout / 4)); err != nil {
		return nil, err
	}
	for answer == nil {
		if err := ctx.Err(); err != nil { // its deadline may have been overwritten
			return nil, err
		}
		err := receive(raw, func(packet []byte, _ unix.Sockaddr) {
			if answers(packet, id, question) {
				answer = append([]byte(nil), packet...)
			}
		})
		if again && errors.Is(err, os.ErrDeadlineExceeded) {
			again = false
			if err = f.SetReadDeadline(time.Time{}); err == nil {
				_, err = f.Write(out)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// open makes a socket where the server is to be asked from. It waits for nobody.
func (s *Server) open(u Upstream, stream bool) (f *os.File, err error) {
	kind := unix.SOCK_DGRAM
	if stream {
		kind = unix.SOCK_STREAM
	}
	open := func() (err error) {
		f, err = connect(u.Addr, kind)
		return err
	}
	if u.Inside {
		err = s.inside(open)
	} else {
		err = open()
	}
	return f, err
}

// connect makes a socket that is connected or about to be.
func connect(to netip.AddrPort, kind int) (*os.File, error) {
	ip := to.Addr().Unmap()
	family, address := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(to.Port()), Addr: [4]byte(ip.AsSlice())})
	if ip.Is6() {
		scope, err := scopeOf(ip.Zone())
		if err != nil {
			return nil, err
		}
		family, address = unix.AF_INET6, &unix.SockaddrInet6{Port: int(to.Port()), Addr: ip.As16(), ZoneId: scope}
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, address); err != nil && err != unix.EINPROGRESS {
		return nil, errors.Join(fmt.Errorf("asking name server %s: %w", to, err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), to.String()), nil
}

// scopeOf is the number of an interface.
func scopeOf(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	link, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	return uint32(link.Index), nil
}

// code is the response code in the header of a packet.
func code(packet []byte) int { return int(packet[3] & 0xF) }

// questionOf is the part of a packet that asks, which is the first behind the
// header: a name, two bytes of type and two of class.
func questionOf(packet []byte) ([]byte, error) {
	_, end, err := dns.UnpackDomainName(packet, headerSize)
	if err == nil && end+4 > len(packet) {
		err = errors.New("the question of a packet is cut off")
	}
	if err != nil {
		return nil, err
	}
	return packet[headerSize : end+4], nil
}

// answers tells whether a packet answers the question that was sent under an id.
// Some servers leave the question out when they fail.
func answers(packet []byte, id uint16, question []byte) bool {
	const response = 1 << 7
	if len(packet) < headerSize || binary.BigEndian.Uint16(packet) != id || packet[2]&response == 0 {
		return false
	}
	switch binary.BigEndian.Uint16(packet[4:]) {
	case 0:
		return code(packet) != dns.RcodeSuccess
	case 1:
	default:
		return false
	}
	echo := packet[headerSize:]
	if len(echo) < len(question) {
		return false
	}
	name := len(question) - 4
	for i, b := range question {
		if b != echo[i] && (i >= name || lower(b) != lower(echo[i])) {
			return false
		}
	}
	return true
}

// lower folds a letter of a name. Lengths of labels are below all letters.
func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
