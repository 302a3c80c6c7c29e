// Package userlandproxy carries connections and datagrams from a host port to
// a container. It is needed where the kernel cannot redirect: for addresses of
// the loopback network, between the families, and where no firewall may be
// used. Bound sockets also keep other programs from taking the port, and show
// when one already has.
//
// A proxy owns its sockets and goroutines, until Close. It is bounded: beyond
// MaxConnections the kernel's backlog waits, beyond MaxSessions the UDP client
// that was silent for longest is forgotten. Bytes of connections stay in the
// kernel (see pipe); a connection at rest costs two sockets and two goroutines.
// Start reading at Listen. It is domain-free and imports nothing of this module.
package userlandproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of one proxy.
const (
	MaxConnections = 4096
	MaxSessions    = 1024

	dialTimeout = 10 * time.Second
	acceptPause = 50 * time.Millisecond // after a failed accept: no descriptors left
)

// Listen starts a proxy for a protocol, "tcp" or "udp". Host port 0 lets the
// kernel choose.
func Listen(proto string, host, backend netip.AddrPort) (io.Closer, error) {
	switch proto {
	case "tcp":
		return ListenTCP(host, backend)
	case "udp":
		return ListenUDP(host, backend)
	}
	return nil, fmt.Errorf("proxying %s: unsupported address type %q", host, proto)
}

// family ends the name of a network. All addresses of IPv6 are not those of
// IPv4, too, which another proxy may hold.
func family(a netip.AddrPort) string {
	if a.Addr().Is4() {
		return "4"
	}
	return "6"
}

// TCP is a proxy for connections. A half-close is passed on in both
// directions.
type TCP struct {
	listener *net.TCPListener
	backend  netip.AddrPort
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	slots    chan struct{}
	pipes    pipes
	wg       sync.WaitGroup // the accept loop and all connections

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

// ListenTCP starts a proxy for connections.
func ListenTCP(host, backend netip.AddrPort) (*TCP, error) {
	l, err := net.ListenTCP("tcp"+family(host), net.TCPAddrFromAddrPort(host))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &TCP{
		listener: l, backend: backend, ctx: ctx, cancel: cancel,
		slots: make(chan struct{}, MaxConnections), pipes: make(pipes, maxPipes), conns: make(map[net.Conn]struct{}),
	}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is the address listened on.
func (p *TCP) Addr() net.Addr { return p.listener.Addr() }

// Close ends the proxy and all its connections.
func (p *TCP) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.mu.Lock()
	open := slices.Collect(maps.Keys(p.conns))
	p.mu.Unlock()
	for _, c := range open { // without the lock: Close waits for reads, which may want it
		c.Close()
	}
	p.wg.Wait()
	p.pipes.drop()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *TCP) accept() {
	for {
		select {
		case p.slots <- struct{}{}:
		case <-p.ctx.Done():
			return
		}
		c, err := p.listener.AcceptTCP()
		if err == nil {
			p.wg.Go(func() { p.serve(c); <-p.slots })
			continue
		}
		<-p.slots
		select {
		case <-p.ctx.Done():
			return
		case <-time.After(acceptPause):
		}
	}
}

func (p *TCP) serve(client *net.TCPConn) {
	defer client.Close()
	if !p.track(client) {
		return
	}
	defer p.forget(client)
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(p.ctx, "tcp"+family(p.backend), p.backend.String())
	if err != nil {
		_ = client.SetLinger(0) // the client sees a reset, as if nobody listened
		return
	}
	defer c.Close()
	backend, ok := c.(*net.TCPConn)
	if !ok || !p.track(backend) {
		return
	}
	defer p.forget(backend)
	var wg sync.WaitGroup
	wg.Go(func() { pass(backend, client, p.pipes) })
	pass(client, backend, p.pipes)
	wg.Wait()
}

// track remembers a connection for Close; it says no when that came first.
func (p *TCP) track(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *TCP) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}
