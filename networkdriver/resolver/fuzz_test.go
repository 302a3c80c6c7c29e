//go:build linux

package resolver

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

func packed(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	out, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzClient: whatever a client sends, an answer is one to its question, fits,
// and can be read; what is forwarded has a question of which answers are known.
func FuzzClient(f *testing.F) {
	edns := new(dns.Msg).SetQuestion("db.", dns.TypeA)
	edns.SetEdns0(1232, true)
	for _, q := range []*dns.Msg{
		edns, new(dns.Msg).SetQuestion("WEB.app_net.", dns.TypeAAAA), new(dns.Msg).SetQuestion("3.0.20.172.in-addr.arpa.", dns.TypePTR),
		new(dns.Msg).SetQuestion("example.com.", dns.TypeANY), new(dns.Msg).SetQuestion("crowd.", dns.TypeANY), new(dns.Msg).SetAxfr("x."),
	} {
		f.Add(packed(f, q), true)
	}
	f.Add([]byte{0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x0c, 0, 1, 0, 1}, false)
	z := NewZone("App_Net")
	z.Set("1", []string{"web"}, netip.MustParseAddr("172.20.0.2"), netip.MustParseAddr("fd00::2"))
	z.Set("2", []string{"db"}, netip.MustParseAddr("172.20.0.3"), netip.Addr{})
	for i := range 100 {
		z.Set(string(rune('A'+i)), []string{"crowd"}, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), netip.Addr{})
	}
	f.Fuzz(func(t *testing.T, packet []byte, internal bool) {
		v := &view{zones: []*Zone{z}, internal: internal, upstreams: []*upstream{{}}, aliases: map[*Zone]map[string]string{z: {"alias": "web"}}}
		q, r := v.handle(packet)
		if q == nil {
			return
		}
		if r == nil {
			if internal {
				t.Fatal("something left an internal network")
			}
			question, err := questionOf(packet)
			if err != nil {
				t.Fatalf("forwarded without a question: %v", err)
			}
			echo := append([]byte{packet[0], packet[1], 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
			if !answers(echo, q.Id, question) {
				t.Fatal("its answer would not be known")
			}
			return
		}
		size := sizeFor(q)
		out := pack(r, size)
		if out == nil {
			t.Fatalf("no answer to %s", q)
		}
		if len(out) > size {
			t.Fatalf("%d bytes for a client that takes %d", len(out), size)
		}
		back := new(dns.Msg)
		if err := back.Unpack(out); err != nil || back.Id != binary.BigEndian.Uint16(packet) || !back.Response {
			t.Fatalf("%v\n%s", err, back)
		}
	})
}

// FuzzUpstream: of what servers send only answers to the question come through,
// and become packets for the client that it can know.
func FuzzUpstream(f *testing.F) {
	q := new(dns.Msg).SetQuestion("Example.com.", dns.TypeA)
	packet := packed(f, q)
	question, err := questionOf(packet)
	if err != nil {
		f.Fatal(err)
	}
	good := new(dns.Msg).SetReply(q)
	f.Add(packed(f, good))
	bad := new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	bad.Question = nil
	f.Add(packed(f, bad))
	f.Add(append(packed(f, good), make([]byte, 2000)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, answer []byte) {
		id := q.Id
		if !answers(answer, id, question) {
			return
		}
		refused := refusal(answer)
		q := q.Copy()
		q.Id = id + 1
		out := fit(q, answer, dns.MinMsgSize)
		if len(out) < headerSize || len(out) > dns.MinMsgSize || binary.BigEndian.Uint16(out) != id+1 {
			t.Fatalf("refused %v: % x", refused, out)
		}
		if !answers(out, id+1, question) || binary.BigEndian.Uint16(out[4:]) != 1 {
			t.Fatalf("the client would not know % x", out)
		}
	})
}
