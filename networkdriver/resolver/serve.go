//go:build linux

package resolver

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// longest is the longest question that is read from a datagram; those of EDNS
// clients are much shorter (RFC 6891).
const longest = 4096

// idle is how long a TCP connection waits for the next question.
const idle = 10 * time.Second

// buffers are shared by all servers, so that an idle one has none.
var buffers = sync.Pool{New: func() any { return new([longest]byte) }}

// serveUDP reads datagrams. It waits without a buffer.
func (s *Server) serveUDP() {
	raw, err := s.udp.SyscallConn()
	if err != nil {
		return
	}
	for s.ctx.Err() == nil {
		buf := (*[longest]byte)(nil)
		var n int
		var from unix.Sockaddr
		var failure error
		err := raw.Read(func(fd uintptr) bool {
			buf, _ = buffers.Get().(*[longest]byte)
			n, from, failure = unix.Recvfrom(int(fd), buf[:], 0)
			if failure == unix.EAGAIN || failure == unix.EINTR {
				buffers.Put(buf)
				return false
			}
			return true
		})
		if err != nil {
			return // closed
		}
		if client, ok := from.(*unix.SockaddrInet4); ok && failure == nil {
			s.datagram(buf[:n], netip.AddrPortFrom(netip.AddrFrom4(client.Addr), uint16(client.Port)))
		}
		buffers.Put(buf)
	}
}

// datagram answers one question, at once if the zones know it.
func (s *Server) datagram(packet []byte, client netip.AddrPort) {
	q := new(dns.Msg)
	if q.Unpack(packet) != nil || q.Response {
		return // whoever sends that does not wait for an answer
	}
	size := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		size = max(size, int(opt.UDPSize()))
	}
	send := func(r *dns.Msg) {
		r.Truncate(size)
		if out, err := r.Pack(); err == nil {
			_, _ = s.udp.WriteToUDPAddrPort(out, client) // a client that has gone
		}
	}
	if r := s.local(q); r != nil {
		send(r)
		return
	}
	select {
	case s.busy <- struct{}{}:
	default:
		send(failed(q, dns.RcodeRefused))
		return
	}
	s.wg.Go(func() {
		defer func() { <-s.busy }()
		send(s.forward(q, false))
	})
}

// local answers what needs nobody else.
func (s *Server) local(q *dns.Msg) *dns.Msg {
	if q.Opcode != dns.OpcodeQuery {
		return failed(q, dns.RcodeNotImplemented)
	}
	if len(q.Question) != 1 {
		return failed(q, dns.RcodeFormatError)
	}
	v := s.view.Load()
	if r := v.answer(q); r != nil {
		return r
	}
	if v.internal || len(s.cfg.Upstreams) == 0 {
		return failed(q, dns.RcodeServerFailure)
	}
	return nil
}

// serveTCP accepts connections.
func (s *Server) serveTCP() {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			if s.ctx.Err() != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors: it passes
			continue
		}
		s.mu.Lock()
		full := len(s.conns) >= connections || s.ctx.Err() != nil
		if !full {
			s.conns[c] = struct{}{}
		}
		s.mu.Unlock()
		if full {
			c.Close()
			continue
		}
		s.wg.Go(func() { s.connection(c) })
	}
}

// connection answers one question after another (RFC 7766).
func (s *Server) connection(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	for {
		if c.SetDeadline(time.Now().Add(idle)) != nil {
			return
		}
		packet, err := readMessage(c)
		if err != nil {
			return
		}
		q := new(dns.Msg)
		if q.Unpack(packet) != nil || q.Response {
			return
		}
		r := s.local(q)
		if r == nil {
			r = s.forward(q, true)
		}
		out, err := r.Pack()
		if err != nil || c.SetDeadline(time.Now().Add(idle)) != nil || writeMessage(c, out) != nil {
			return
		}
	}
}

// readMessage reads what comes behind its length in two bytes (RFC 1035).
func readMessage(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, packet)
	return packet, err
}

func writeMessage(w io.Writer, packet []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...))
	return err
}
