//go:build linux

package resolver

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/enginejobs/docker/pkg/netns"
)

// grudge is how long a server that did not answer is asked last.
const grudge = 30 * time.Second

// errForeign marks a packet that does not answer the question.
var errForeign = errors.New("it is not an answer to the question")

// forward asks the upstreams in turn, those that did not answer lately last. It
// gives the first good answer, or the last bad one.
func (s *Server) forward(q *dns.Msg, stream bool) *dns.Msg {
	now := time.Now().UnixMilli()
	var bad *dns.Msg
	for _, sick := range []bool{false, true} {
		for i, u := range s.cfg.Upstreams {
			if (s.sick[i].Load() > now) != sick {
				continue
			}
			r, err := s.ask(u, q, stream)
			switch {
			case s.ctx.Err() != nil:
				return failed(q, dns.RcodeServerFailure)
			case err != nil:
				s.sick[i].Store(time.Now().Add(grudge).UnixMilli())
			case r.Rcode == dns.RcodeServerFailure || r.Rcode == dns.RcodeRefused || r.Rcode == dns.RcodeNotImplemented:
				bad = r
			default:
				s.sick[i].Store(0)
				return r
			}
		}
	}
	if bad == nil {
		bad = failed(q, dns.RcodeServerFailure)
	}
	return bad
}

// ask asks one server, under another id and from a port of its own.
func (s *Server) ask(u Upstream, q *dns.Msg, stream bool) (*dns.Msg, error) {
	network := "udp"
	if stream {
		network = "tcp"
	}
	c, err := s.dial(u, network)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(s.cfg.Timeout)); err != nil {
		return nil, err
	}
	out := q.Copy()
	out.Id = dns.Id()
	packet, err := out.Pack()
	if err != nil {
		return nil, err
	}
	if stream {
		err = writeMessage(c, packet)
	} else {
		_, err = c.Write(packet)
	}
	if err != nil {
		return nil, err
	}
	for {
		r, err := receive(c, stream, out)
		if errors.Is(err, errForeign) && !stream {
			continue // somebody guesses: the real one may still come
		}
		if err != nil {
			return nil, err
		}
		r.Id = q.Id
		return r, nil
	}
}

// receive reads one answer to a question.
func receive(c net.Conn, stream bool, q *dns.Msg) (*dns.Msg, error) {
	var packet []byte
	var err error
	if stream {
		packet, err = readMessage(c)
	} else {
		packet = make([]byte, dns.MaxMsgSize)
		var n int
		n, err = c.Read(packet)
		packet = packet[:max(n, 0)]
	}
	if err != nil {
		return nil, err
	}
	return parseAnswer(packet, q)
}

// parseAnswer reads a packet that must answer a question.
func parseAnswer(packet []byte, q *dns.Msg) (*dns.Msg, error) {
	r := new(dns.Msg)
	if r.Unpack(packet) != nil || !r.Response || r.Id != q.Id || len(r.Question) != len(q.Question) {
		return nil, errForeign
	}
	for i, asked := range q.Question {
		got := r.Question[i]
		if got.Qtype != asked.Qtype || got.Qclass != asked.Qclass || !strings.EqualFold(got.Name, asked.Name) {
			return nil, errForeign
		}
	}
	return r, nil
}

// dial reaches a server from where it is to be asked.
func (s *Server) dial(u Upstream, network string) (c net.Conn, err error) {
	dialer := net.Dialer{Timeout: s.cfg.Timeout}
	dial := func() (err error) {
		c, err = dialer.DialContext(s.ctx, network, netip.AddrPortFrom(u.Addr.Addr(), u.Addr.Port()).String())
		return err
	}
	if !u.Inside {
		return c, dial()
	}
	err = netns.Do(s.ns, dial)
	return c, err
}
