//go:build linux

package resolver

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// ttl is for how many seconds answers from zones are good: what Docker says.
const ttl = 600

// ednsSize is the longest question that is taken as a datagram (RFC 6891).
const ednsSize = 4096

// handle reads a packet of a client. Without a question nobody waits for an
// answer; with a question and no answer others have to be asked.
func (v *view) handle(packet []byte) (q, r *dns.Msg) {
	q = new(dns.Msg)
	err := q.Unpack(packet)
	if err == nil && len(q.Question) > 0 {
		_, err = questionOf(packet) // Unpack takes those that are cut off
	}
	if len(packet) < headerSize || q.Response {
		return nil, nil
	}
	opt := q.IsEdns0()
	switch {
	case err != nil:
		return q, &dns.Msg{MsgHdr: dns.MsgHdr{Id: q.Id, Response: true, Opcode: q.Opcode, Rcode: dns.RcodeFormatError}}
	case q.Opcode != dns.OpcodeQuery:
		return q, failed(q, dns.RcodeNotImplemented)
	case len(q.Question) != 1:
		return q, failed(q, dns.RcodeFormatError)
	case opt != nil && opt.Version() != 0:
		return q, failed(q, dns.RcodeBadVers)
	case q.Question[0].Qtype == dns.TypeAXFR, q.Question[0].Qtype == dns.TypeIXFR:
		return q, failed(q, dns.RcodeRefused) // answers of many messages
	}
	if list, known := v.answer(q.Question[0]); known {
		r := reply(q)
		r.Answer = list
		return q, r
	}
	if v.internal || len(v.upstreams) == 0 {
		return q, failed(q, dns.RcodeServerFailure)
	}
	return q, nil
}

// answer looks a question up in the zones. What is known may have nothing of the
// type that was asked for.
func (v *view) answer(question dns.Question) (list []dns.RR, known bool) {
	if question.Qclass != dns.ClassINET {
		return nil, false
	}
	if question.Qtype == dns.TypePTR {
		return v.pointer(question.Name)
	}
	name := fold(question.Name)
	for _, z := range v.zones {
		e := v.find(z, name)
		if e == nil {
			continue
		}
		if question.Qtype == dns.TypeA || question.Qtype == dns.TypeANY {
			for _, ip := range e.addresses(false) {
				list = append(list, &dns.A{Hdr: header(question.Name, dns.TypeA), A: ip.AsSlice()})
			}
		}
		if question.Qtype == dns.TypeAAAA || question.Qtype == dns.TypeANY {
			for _, ip := range e.addresses(true) {
				list = append(list, &dns.AAAA{Hdr: header(question.Name, dns.TypeAAAA), AAAA: ip.AsSlice()})
			}
		}
		return list, true
	}
	return nil, false
}

// find looks a name up in one zone: an alias of this container, or a name, and
// both with that of the network behind.
func (v *view) find(z *Zone, name string) *entry {
	aliases := v.aliases[z]
	if e := z.find(aliases, name); e != nil {
		return e
	}
	if short, ok := strings.CutSuffix(name, z.suffix); ok {
		return z.find(aliases, short)
	}
	return nil
}

// pointer answers who has an address.
func (v *view) pointer(question string) ([]dns.RR, bool) {
	ip, ok := reversed(question)
	if !ok {
		return nil, false
	}
	for _, z := range v.zones {
		if name, ok := z.owner(ip); ok {
			return []dns.RR{&dns.PTR{Hdr: header(question, dns.TypePTR), Ptr: name}}, true
		}
	}
	return nil, false
}

func header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: ttl}
}

// reply begins an answer.
func reply(q *dns.Msg) *dns.Msg {
	r := new(dns.Msg)
	r.SetReply(q)
	r.RecursionAvailable = true
	if opt := q.IsEdns0(); opt != nil {
		r.SetEdns0(ednsSize, opt.Do())
	}
	return r
}

// failed is an answer without any.
func failed(q *dns.Msg, code int) *dns.Msg {
	r := reply(q)
	r.Rcode = code
	return r
}

// sizeFor is how long a datagram that answers may be.
func sizeFor(q *dns.Msg) int {
	if opt := q.IsEdns0(); opt != nil {
		return max(dns.MinMsgSize, int(opt.UDPSize()))
	}
	return dns.MinMsgSize
}

// pack writes an answer of a certain size at most; what is left out makes it a
// truncated one.
func pack(r *dns.Msg, size int) []byte {
	r.Truncate(size)
	out, err := r.Pack()
	if err != nil { // what cannot be written is not told
		r.Answer, r.Rcode = nil, dns.RcodeServerFailure
		out, _ = r.Pack()
	}
	return out
}

// reversed reads the address out of 4.3.2.1.in-addr.arpa (RFC 1035) and its like
// of 32 digits for IPv6 (RFC 3596).
func reversed(name string) (netip.Addr, bool) {
	name = fold(name)
	if text, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		parts := strings.Split(text, ".")
		if len(parts) != 4 {
			return netip.Addr{}, false
		}
		ip, err := netip.ParseAddr(parts[3] + "." + parts[2] + "." + parts[1] + "." + parts[0])
		return ip, err == nil && ip.Is4()
	}
	text, ok := strings.CutSuffix(name, ".ip6.arpa")
	digits := strings.Split(text, ".")
	if !ok || len(digits) != 32 {
		return netip.Addr{}, false
	}
	var b [16]byte
	for i, digit := range digits {
		n, err := strconv.ParseUint(digit, 16, 4)
		if err != nil || len(digit) != 1 {
			return netip.Addr{}, false
		}
		b[15-i/2] |= byte(n) << (4 * (i % 2))
	}
	return netip.AddrFrom16(b), true
}
