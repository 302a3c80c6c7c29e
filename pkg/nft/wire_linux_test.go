package nft

import (
	"bytes"
	"net/netip"
	"testing"
)

func TestAttributesAreReadAsTheyAreWritten(t *testing.T) {
	var w writer
	outer := w.nest(7)
	w.text(1, "name")
	w.number(2, 0xdeadbeef)
	w.data(3, []byte{1, 2, 3})
	w.unnest(outer)
	w.number(8, 5)
	inner := attribute(w.buf, 7)
	if name(attribute(inner, 1)) != "name" || number32(attribute(inner, 2)) != 0xdeadbeef {
		t.Errorf("%x", inner)
	}
	if got := attribute(attribute(inner, 3), 1); !bytes.Equal(got, []byte{1, 2, 3}) {
		t.Errorf("%x", got)
	}
	if number32(attribute(w.buf, 8)) != 5 || attribute(w.buf, 9) != nil {
		t.Errorf("%x", w.buf)
	}
}

func TestPrefix(t *testing.T) {
	for text, want := range map[string]string{ // what follows it
		"10.1.0.0/16":        "10.2.0.0",
		"10.255.0.0/16":      "11.0.0.0",
		"10.0.0.7/32":        "10.0.0.8",
		"192.0.2.200/25":     "192.0.3.0",
		"0.0.0.0/0":          "",
		"255.255.255.0/24":   "",
		"fd00:0:0:ffff::/64": "fd00:0:1::",
		"2001:db8::/32":      "2001:db9::",
	} {
		p := netip.MustParsePrefix(text)
		list := Prefix(p, []byte{1})
		if !bytes.Equal(list[0].Key, p.Masked().Addr().AsSlice()) || list[0].End || len(list[0].Value) != 1 {
			t.Errorf("%s begins with %+v", text, list[0])
		}
		switch {
		case want == "" && len(list) != 1:
			t.Errorf("%s ends with %+v", text, list[1:])
		case want != "" && (len(list) != 2 || !list[1].End || !bytes.Equal(list[1].Key, netip.MustParseAddr(want).AsSlice())):
			t.Errorf("%s ends with %+v, want %s", text, list[1:], want)
		}
	}
}

// FuzzMessages: whatever comes, reading ends and stays within it.
func FuzzMessages(f *testing.F) {
	var w writer
	w.end(w.begin(nftables, 0, 1, 2, 0))
	f.Add(w.buf)
	f.Add([]byte{16, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		for m := range messages(data) {
			n++
			_ = m.errno()
			for _, v := range attributes(m.attrs()) {
				parseElement(v)
				expressions(v)
			}
		}
		if n > len(data)/16 {
			t.Errorf("%d messages in %d bytes", n, len(data))
		}
	})
}
