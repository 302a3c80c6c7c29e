//go:build linux

package resolver

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// grudge is how long a server that did not answer is asked last.
const grudge = 30 * time.Second

// upstream is a server and how it behaves.
type upstream struct {
	Upstream
	sick atomic.Int64 // until when it is asked last, Unix ms
}

// outcome is what came of asking one server.
type outcome struct {
	from   *upstream
	packet []byte // nil: nothing
}

// forward asks the upstreams, of which there is one at least, and gives the packet
// for the client, of a certain size at most. Those that did not answer lately come
// last. When one has taken a quarter of the time, or failed, the next is asked as
// well, and the first good answer counts, else the last bad one.
func (s *Server) forward(upstreams []*upstream, q *dns.Msg, packet []byte, size int, stream bool) []byte {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Timeout)
	defer cancel()
	order := inOrder(upstreams)
	outcomes := make(chan outcome, len(order))
	hurry := time.NewTicker(s.cfg.Timeout / 4)
	defer hurry.Stop()
	ask := func(u *upstream) {
		s.wg.Go(func() {
			answer, err := s.ask(ctx, u.Upstream, packet, stream)
			if err != nil && ctx.Err() == nil {
				s.blame(u)
			}
			outcomes <- outcome{u, answer}
		})
	}
	ask(order[0])
	var bad []byte
	for asked, waiting := 1, 1; waiting > 0; {
		select {
		case o := <-outcomes:
			waiting--
			if o.packet != nil {
				o.from.sick.Store(0)
				if !refusal(o.packet) {
					return fit(q, o.packet, size)
				}
				bad = o.packet
			}
		case <-hurry.C:
			if asked < len(order) {
				s.blame(order[asked-1])
			}
		case <-ctx.Done():
			if asked == len(order) {
				s.blame(order[asked-1])
			}
			waiting = 0
			continue
		}
		if asked < len(order) {
			ask(order[asked])
			asked, waiting = asked+1, waiting+1
		}
	}
	if bad == nil {
		return pack(failed(q, dns.RcodeServerFailure), size)
	}
	return fit(q, bad, size)
}

// inOrder lists the upstreams as they are to be asked.
func inOrder(upstreams []*upstream) []*upstream {
	now := time.Now().UnixMilli()
	list := make([]*upstream, 0, len(upstreams))
	for _, sick := range []bool{false, true} {
		for _, u := range upstreams {
			if (u.sick.Load() > now) == sick {
				list = append(list, u)
			}
		}
	}
	return list
}

// blame makes an upstream one of the last to be asked.
func (s *Server) blame(u *upstream) {
	now := time.Now()
	if u.sick.Swap(now.Add(grudge).UnixMilli()) <= now.UnixMilli() && s.cfg.Logf != nil && s.ctx.Err() == nil {
		s.cfg.Logf("name server %s does not answer; it is asked last for the next %s", u.Addr, grudge)
	}
}

// refusal tells whether a server does not want to answer or cannot: another one
// may.
func refusal(packet []byte) bool {
	switch code(packet) {
	case dns.RcodeServerFailure, dns.RcodeRefused, dns.RcodeNotImplemented:
		return true
	}
	return binary.BigEndian.Uint16(packet[4:]) == 0 // without the question clients would not know it
}

// fit makes the answer of an upstream the answer to a client.
func fit(q *dns.Msg, packet []byte, size int) []byte {
	if binary.BigEndian.Uint16(packet[4:]) == 0 {
		return pack(failed(q, code(packet)), size)
	}
	if len(packet) > size {
		r := failed(q, code(packet))
		r.Truncated = true
		return pack(r, size)
	}
	binary.BigEndian.PutUint16(packet, q.Id)
	return packet
}
