package resolver

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// ttl is how many seconds answers from zones are good for: what Docker says.
const ttl = 600

// answer makes the answer to a question that the zones know; nil: they do not.
func (v *view) answer(q *dns.Msg) *dns.Msg {
	if len(q.Question) != 1 || q.Question[0].Qclass != dns.ClassINET {
		return nil
	}
	question := q.Question[0]
	if question.Qtype == dns.TypePTR {
		return v.pointer(q)
	}
	name := fold(question.Name)
	v6 := question.Qtype == dns.TypeAAAA
	for _, z := range v.zones {
		list, known := v.find(z, name, v6)
		if !known {
			continue
		}
		r := reply(q)
		if v6 || question.Qtype == dns.TypeA {
			for _, ip := range list {
				r.Answer = append(r.Answer, record(question.Name, ip))
			}
		}
		return r
	}
	return nil
}

// find looks a name up in one zone: an alias of this container, a name, or a
// name with that of the network.
func (v *view) find(z *Zone, name string, v6 bool) ([]netip.Addr, bool) {
	if real, ok := v.aliases[z][name]; ok {
		name = fold(real)
	}
	if list, known := z.lookup(name, v6); known {
		return list, true
	}
	short, ok := strings.CutSuffix(name, "."+strings.ToLower(z.network))
	if !ok {
		return nil, false
	}
	if real, ok := v.aliases[z][short]; ok {
		short = fold(real)
	}
	return z.lookup(short, v6)
}

// pointer answers who has an address.
func (v *view) pointer(q *dns.Msg) *dns.Msg {
	ip, ok := reversed(q.Question[0].Name)
	if !ok {
		return nil
	}
	for _, z := range v.zones {
		if name, ok := z.owner(ip); ok {
			r := reply(q)
			r.Answer = append(r.Answer, &dns.PTR{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: ttl}, Ptr: name,
			})
			return r
		}
	}
	return nil
}

// reply begins an answer.
func reply(q *dns.Msg) *dns.Msg {
	r := new(dns.Msg)
	r.SetReply(q)
	r.RecursionAvailable = true
	if opt := q.IsEdns0(); opt != nil {
		r.SetEdns0(max(opt.UDPSize(), dns.MinMsgSize), false)
	}
	return r
}

// failed is an answer without any.
func failed(q *dns.Msg, code int) *dns.Msg {
	r := reply(q)
	r.Rcode = code
	return r
}

func record(name string, ip netip.Addr) dns.RR {
	if ip.Is4() {
		return &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: ip.AsSlice()}
	}
	return &dns.AAAA{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeAAAA, Class: dns.ClassINET, Ttl: ttl}, AAAA: ip.AsSlice()}
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
		return ip, err == nil
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
