package userlandproxy

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	idle        = 90 * time.Second // after which a silent client is forgotten
	maxDatagram = 65535            // none is longer, in either family
)

// UDP is a proxy for datagrams. Each client gets a socket of its own towards
// the backend, and answers come from the address that the client wrote to.
type UDP struct {
	socket  *net.UDPConn
	backend netip.AddrPort
	ctx     context.Context
	cancel  context.CancelFunc
	buffers sync.Pool
	idle    time.Duration
	max     int
	wg      sync.WaitGroup // the reader and all sessions

	mu       sync.Mutex // guards sessions and their lastSeen
	sessions map[peer]*session
}

// peer is a client and the address of ours that it writes to.
type peer struct {
	client netip.AddrPort
	local  netip.Addr
}

type session struct {
	conn     *net.UDPConn
	lastSeen time.Time
}

// ListenUDP starts a proxy for datagrams.
func ListenUDP(host, backend netip.AddrPort) (*UDP, error) {
	return listenUDP(host, backend, idle, MaxSessions)
}

func listenUDP(host, backend netip.AddrPort, idle time.Duration, max int) (*UDP, error) {
	socket, err := net.ListenUDP("udp"+family(host), net.UDPAddrFromAddrPort(host))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &UDP{
		socket: socket, backend: backend, ctx: ctx, cancel: cancel, idle: idle, max: max,
		buffers:  sync.Pool{New: func() any { b := make([]byte, maxDatagram); return &b }},
		sessions: make(map[peer]*session),
	}
	if err := wantLocalAddress(socket, host.Addr().Is6()); err != nil {
		socket.Close()
		return nil, err
	}
	p.wg.Go(p.read)
	return p, nil
}

// Addr is the address listened on.
func (p *UDP) Addr() net.Addr { return p.socket.LocalAddr() }

// Close ends the proxy and forgets its clients.
func (p *UDP) Close() error {
	p.cancel()
	err := p.socket.Close()
	p.mu.Lock()
	open := slices.Collect(maps.Values(p.sessions))
	p.mu.Unlock()
	for _, s := range open { // without the lock: Close waits for reads, which may want it
		s.conn.Close()
	}
	p.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// read hands datagrams from clients to the backend.
func (p *UDP) read() {
	buf := make([]byte, maxDatagram)
	oob := make([]byte, 128)
	for {
		n, oobn, _, from, err := p.socket.ReadMsgUDPAddrPort(buf, oob)
		if p.ctx.Err() != nil {
			return
		}
		if err != nil {
			select { // an ICMP answer to one of ours, or no memory
			case <-p.ctx.Done():
				return
			case <-time.After(time.Millisecond):
				continue
			}
		}
		p.pass(peer{from, localAddress(oob[:oobn])}, buf[:n])
	}
}

// pass hands on a datagram of a client. One that is lost is lost, but not
// because the client is being forgotten at this moment.
func (p *UDP) pass(who peer, datagram []byte) {
	for range 2 {
		s, err := p.session(who)
		if err != nil {
			return
		}
		if _, err := s.conn.Write(datagram); !errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// session finds or makes the socket for a client. Only read comes here, so
// nobody else makes one meanwhile.
func (p *UDP) session(who peer) (*session, error) {
	if s := p.find(who); s != nil {
		return s, nil
	}
	conn, err := net.DialUDP("udp"+family(p.backend), nil, net.UDPAddrFromAddrPort(p.backend)) // sends nothing
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, lastSeen: time.Now()}
	evicted, err := p.remember(who, s)
	if evicted != nil {
		evicted.conn.Close() // without the lock: Close waits for reads, which may want it
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (p *UDP) find(who peer) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sessions[who]
	if s != nil {
		s.lastSeen = time.Now()
	}
	return s
}

// remember starts a session, in the place of the oldest when there are too many.
func (p *UDP) remember(who peer, s *session) (evicted *session, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.ctx.Err(); err != nil { // Close has closed those it found
		return nil, err
	}
	if len(p.sessions) >= p.max {
		evicted = p.evict()
	}
	p.sessions[who] = s
	p.wg.Go(func() { p.answer(who, s) })
	return evicted, nil
}

// evict forgets the client that was silent for longest. The caller holds the
// lock, and closes the socket when it no longer does.
func (p *UDP) evict() *session {
	var oldest peer
	var at time.Time
	for who, s := range p.sessions {
		if at.IsZero() || s.lastSeen.Before(at) {
			oldest, at = who, s.lastSeen
		}
	}
	s := p.sessions[oldest]
	delete(p.sessions, oldest)
	return s
}

// answer hands datagrams from the backend to one client, until both were
// silent for the idle time.
func (p *UDP) answer(who peer, s *session) {
	defer p.forget(who, s)
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return
	}
	from := sourceAddress(who.local)
	for {
		if err := s.conn.SetReadDeadline(time.Now().Add(p.idle)); err != nil {
			return
		}
		err := p.receive(raw, func(datagram []byte) {
			_, _, _ = p.socket.WriteMsgUDPAddrPort(datagram, from, who.client)
			p.touch(s)
		})
		if err != nil && (p.quiet(s) || errors.Is(err, net.ErrClosed)) {
			return
		}
	}
}

// receive waits for one datagram, without holding a buffer while it waits.
func (p *UDP) receive(raw interface {
	Read(func(fd uintptr) bool) error
}, each func([]byte)) error {
	return raw.Read(func(fd uintptr) bool {
		buf, ok := p.buffers.Get().(*[]byte)
		if !ok {
			return true
		}
		defer p.buffers.Put(buf)
		n, err := unix.Read(int(fd), *buf)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return false
		case err == nil:
			each((*buf)[:n])
		}
		return true // an ICMP answer of the backend is no reason to give up
	})
}

func (p *UDP) touch(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.lastSeen = time.Now()
}

func (p *UDP) quiet(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(s.lastSeen) >= p.idle
}

func (p *UDP) forget(who peer, s *session) {
	p.mu.Lock()
	if p.sessions[who] == s {
		delete(p.sessions, who)
	}
	p.mu.Unlock()
	s.conn.Close()
}

// wantLocalAddress asks the kernel to tell to which address of ours each
// datagram was sent.
func wantLocalAddress(c *net.UDPConn, v6 bool) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	level, option := unix.IPPROTO_IP, unix.IP_PKTINFO
	if v6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	}
	var serr error
	err = raw.Control(func(fd uintptr) { serr = unix.SetsockoptInt(int(fd), level, option, 1) })
	return errors.Join(err, serr)
}

// localAddress reads which address that was, from the messages of ip(7) and
// ipv6(7). One that only means something on a link comes with the link's index
// as its zone.
func localAddress(oob []byte) netip.Addr {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return netip.Addr{}
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			return netip.AddrFrom4([4]byte(m.Data[4:8])) // ipi_spec_dst: what an answer to a broadcast comes from, too
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			ip := netip.AddrFrom16([16]byte(m.Data[:16]))
			if ip.IsLinkLocalUnicast() {
				ip = ip.WithZone(strconv.Itoa(int(binary.NativeEndian.Uint32(m.Data[16:]))))
			}
			return ip
		}
	}
	return netip.Addr{}
}

// sourceAddress makes the control message that sends from an address.
func sourceAddress(local netip.Addr) []byte {
	switch {
	case local.Is4():
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: local.As4()})
	case local.Is6() && !local.IsMulticast():
		link, _ := strconv.ParseUint(local.Zone(), 10, 32) // none: 0, any
		return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: local.As16(), Ifindex: uint32(link)})
	}
	return nil // the kernel chooses
}
