package server

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/enginejobs/docker/engine"
)

// peer is who is at the other end of a connection. There is one for each
// connection, and all its requests run their jobs on its account.
type peer struct {
	caller engine.Caller // complete once known has been done
	conn   net.Conn
	known  sync.Once
	whole  *plainConn // sends answers as a whole; nil: the connection is another
}

type peerKey struct{}

// meet gives a new connection its peer; it is the ConnContext of the HTTP server,
// whose loop it must not hold up. Who the peer is, the first request finds out:
// before it there is no certificate, and many connections have no request.
func meet(ctx context.Context, conn net.Conn) context.Context {
	p := &peer{conn: conn}
	ctx = context.WithValue(engine.WithCaller(ctx, &p.caller), peerKey{}, p)
	if c, ok := conn.(*plainConn); ok {
		p.whole, c.ctx = c, ctx
	}
	return ctx
}

// identify completes the caller.
func (p *peer) identify(r *http.Request) {
	p.caller.UID, p.caller.PID = -1, -1
	conn := p.conn
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	if r.TLS != nil {
		p.caller.Network = "tls"
	}
	if u, ok := conn.(*net.UnixConn); ok {
		p.credentials(u)
	} else {
		p.address(r.RemoteAddr)
	}
	if r.TLS != nil {
		p.certify(r.TLS.VerifiedChains)
	}
	p.conn = nil
}

// credentials takes the peer of a unix socket from the kernel: the process that
// connected, at the time when it did.
func (p *peer) credentials(conn *net.UnixConn) {
	p.caller.Network = "unix"
	raw, err := conn.SyscallConn()
	if err != nil {
		return // it is closed already
	}
	_ = raw.Control(func(fd uintptr) { // fails only when it is closed
		cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		if err != nil {
			return
		}
		p.caller.UID = int(cred.Uid)
		p.caller.Client = "uid:" + strconv.Itoa(p.caller.UID)
		if cred.Pid > 0 { // 0: it is in a namespace that we do not see
			p.caller.PID = int(cred.Pid)
			p.caller.Detail = "pid " + strconv.Itoa(p.caller.PID) + command(p.caller.PID)
		}
	})
}

// command gives the name of a process as " (docker)", or nothing.
func command(pid int) string {
	// Plain system calls: package os would register the file with the poller.
	fd, err := syscall.Open("/proc/"+strconv.Itoa(pid)+"/comm", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return "" // it has ended
	}
	var buf [64]byte
	n, err := syscall.Read(fd, buf[:])
	_ = syscall.Close(fd)
	if err != nil || n <= 0 {
		return ""
	}
	return " (" + strings.ToValidUTF8(strings.TrimSpace(string(buf[:n])), "?") + ")"
}

// address takes the peer from where its packets come from.
func (p *peer) address(remote string) {
	p.caller.Detail = remote
	if p.caller.Network == "" {
		p.caller.Network = "tcp"
	}
	if at, err := netip.ParseAddrPort(remote); err == nil {
		p.caller.Client = "tcp:" + at.Addr().Unmap().String()
	}
}

// certify takes the name of the client from a certificate that was verified.
func (p *peer) certify(chains [][]*x509.Certificate) {
	if len(chains) == 0 || len(chains[0]) == 0 {
		return
	}
	leaf := chains[0][0]
	name := leaf.Subject.CommonName
	switch {
	case name != "":
	case len(leaf.DNSNames) > 0:
		name = leaf.DNSNames[0]
	case len(leaf.EmailAddresses) > 0:
		name = leaf.EmailAddresses[0]
	default:
		name = "serial " + leaf.SerialNumber.String()
	}
	p.caller.Client = "tls:" + name
	p.caller.CommonName = leaf.Subject.CommonName
	p.caller.Organizations = leaf.Subject.Organization
}

// accountable returns the request with a caller in its context: that of its
// connection, with the trace that the request itself belongs to. Without meet (a
// Handler on a server of somebody else) the address has to do: no request is
// taken for the program's own work.
func accountable(r *http.Request) *http.Request {
	ctx := r.Context()
	c := engine.CallerOf(ctx)
	p, met := ctx.Value(peerKey{}).(*peer)
	if c == nil {
		p = &peer{}
		c = &p.caller
	}
	if p != nil {
		p.known.Do(func() { p.identify(r) })
	}
	trace := r.Header["Traceparent"]
	switch {
	case len(trace) == 1 && isTraceparent(trace[0]):
		traced := *c
		traced.Trace = trace[0]
		c = &traced
	case met:
		return r
	}
	return r.WithContext(engine.WithCaller(ctx, c))
}

// isTraceparent checks the form that W3C Trace Context gives the header:
// version, trace id, parent id and flags, in lower-case hexadecimal digits.
func isTraceparent(s string) bool {
	const form = "00-00000000000000000000000000000000-0000000000000000-00"
	if len(s) != len(form) || s[:2] == "ff" {
		return false
	}
	for i := range len(form) {
		switch c := s[i]; {
		case form[i] == '-':
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}
