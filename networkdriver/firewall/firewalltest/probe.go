//go:build linux

package firewalltest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/netns"
)

var protos = []string{"tcp", "udp"}

// served are the ports that everybody listens on.
var served = []string{"80", "81"}

// serve answers everybody with the address they seem to come from.
func (w *world) serve(n *node) {
	w.Helper()
	w.must(netns.Do(n.ns, func() error {
		for _, port := range served {
			for _, host := range n.addrs() {
				if err := w.listen(net.JoinHostPort(host.String(), port)); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// listen serves one address by both protocols, in the namespace of the thread.
func (w *world) listen(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	var servers sync.WaitGroup
	w.Cleanup(func() { l.Close(); c.Close(); servers.Wait() })
	servers.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, conn.RemoteAddr().String())
			conn.Close()
		}
	})
	servers.Go(func() {
		buf := make([]byte, 64)
		for {
			_, from, err := c.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				w.Logf("udp server at %s: %v", address, err)
				continue
			}
			_, _ = c.WriteTo([]byte(from.String()), from)
		}
	})
	return nil
}

// How long an answer is waited for: where one should come, and where none should.
const (
	patience    = 5 * time.Second
	disbelief   = 300 * time.Millisecond
	probesAtOne = 32
)

// check collects what should be reachable and asks all at once.
type check struct {
	*world
	tasks sync.WaitGroup
	slots chan struct{}
}

func (w *world) check() *check { return &check{world: w, slots: make(chan struct{}, probesAtOne)} }

// reach expects answers from both families and protocols of a node. The server
// must see the address that seen gives for the family, unless it is nil.
func (c *check) reach(from, to *node, port uint16, seen *node) {
	c.Helper()
	for i, ip := range to.addrs() {
		if !ip.IsValid() {
			continue
		}
		var want netip.Addr
		if seen != nil {
			want = seen.addrs()[i]
		}
		c.one(from, netip.AddrPortFrom(ip, port), want, true)
	}
}

// miss expects no answers.
func (c *check) miss(from, to *node, port uint16) {
	c.Helper()
	for _, ip := range to.addrs() {
		if ip.IsValid() {
			c.one(from, netip.AddrPortFrom(ip, port), netip.Addr{}, false)
		}
	}
}

func (c *check) one(from *node, to netip.AddrPort, want netip.Addr, reachable bool) {
	c.Helper()
	for _, proto := range protos {
		c.tasks.Go(func() {
			c.slots <- struct{}{}
			defer func() { <-c.slots }()
			got, err := ask(from, proto, to, reachable)
			switch {
			case (err == nil) != reachable:
				c.Errorf("%s: %s from %s: reached %v, want %v: %v", proto, to, from.ip4, err == nil, reachable, err)
			case want.IsValid() && got != want:
				c.Errorf("%s: %s from %s: the server saw %s, want %s", proto, to, from.ip4, got, want)
			}
		})
	}
}

// done waits for all answers.
func (c *check) done() { c.tasks.Wait() }

// ask connects once and gives the address that the server saw.
func ask(from *node, proto string, to netip.AddrPort, reachable bool) (seen netip.Addr, err error) {
	wait := disbelief
	if reachable {
		wait = patience
	}
	deadline := time.Now().Add(wait)
	for {
		err = netns.Do(from.ns, func() (err error) {
			seen, err = once(proto, to, deadline)
			return err
		})
		// A neighbour that was asked for a moment ago may not be known yet.
		if err == nil || !reachable || !errors.Is(err, unix.EHOSTUNREACH) || time.Now().After(deadline) {
			return seen, err
		}
	}
}

func once(proto string, to netip.AddrPort, deadline time.Time) (netip.Addr, error) {
	d := net.Dialer{Deadline: deadline}
	c, err := d.Dial(proto, to.String())
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	buf := make([]byte, 64)
	n, err := answer(c, proto, deadline, buf)
	if err != nil {
		return netip.Addr{}, err
	}
	from, err := netip.ParseAddrPort(string(buf[:n]))
	return from.Addr(), err
}

// resend is when a datagram that was not answered is sent again: a busy host
// may lose one.
const resend = time.Second

// answer reads what the server says.
func answer(c net.Conn, proto string, deadline time.Time, buf []byte) (n int, err error) {
	if proto == "tcp" {
		if err := c.SetDeadline(deadline); err != nil {
			return 0, err
		}
		return c.Read(buf)
	}
	for {
		if _, err := c.Write([]byte("?")); err != nil {
			return 0, err
		}
		next := time.Now().Add(resend)
		if next.After(deadline) {
			next = deadline
		}
		if err := c.SetReadDeadline(next); err != nil {
			return 0, err
		}
		if n, err = c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || next.Equal(deadline) {
			return n, err
		}
	}
}
