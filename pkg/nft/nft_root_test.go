package nft_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/nft"
	"github.com/enginejobs/docker/pkg/testutil"
)

var table = nft.Table{Family: nft.IPv4, Name: "ejt-test"}

func dial(tb testing.TB) *nft.Conn {
	tb.Helper()
	testutil.RequiresRoot(tb)
	var conn *nft.Conn
	ns, err := netns.New(func() (err error) { conn, err = nft.Dial(); return err })
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close(); ns.Close() })
	return conn
}

func full(b *nft.Batch) {
	b.Replace(table)
	b.Map(table, "published", []nft.Type{nft.Addr4, nft.Proto, nft.Service}, []nft.Type{nft.Addr4, nft.Service})
	b.Set(table, "links", nft.Addr4, nft.Addr4, nft.Proto, nft.Service)
	b.Chain(table, "prerouting", nft.NAT, nft.Prerouting, nft.PriorityDstNAT)
	b.Rule(table, "prerouting", nft.DestIsLocal(), nft.IPv4.RedirectByMap("published", nft.Dest, nft.L4Proto, nft.DestPort))
	b.Chain(table, "postrouting", nft.NAT, nft.Postrouting, nft.PrioritySrcNAT)
	b.Rule(table, "postrouting", nft.SourceIn(netip.MustParsePrefix("10.0.0.0/8")), nft.NotToInterface("ejtbr"), nft.Masquerade())
	b.Chain(table, "forward", nft.Filter, nft.Forward, nft.PriorityFilter)
	b.Rule(table, "forward", nft.ToInterface("ejtbr"), nft.Established(), nft.Accept())
	b.Rule(table, "forward", nft.Redirected(), nft.Accept())
	b.Rule(table, "forward", nft.IPv4.InSet("links", nft.Source, nft.Dest, nft.L4Proto, nft.DestPort), nft.Accept())
	b.Rule(table, "forward", nft.FromInterface("ejtbr"), nft.Drop())
}

func entry(port uint16) nft.Element {
	return nft.Element{
		Key:   nft.Tuple{}.Addr(netip.MustParseAddr("10.0.0.1")).Proto(6).Port(port),
		Value: nft.Tuple{}.Addr(netip.MustParseAddr("10.9.0.2")).Port(80),
	}
}

func TestBatch(t *testing.T) {
	conn := dial(t)
	for range 2 { // replacing works whether it is there or not
		if err := conn.Batch(full); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Batch(func(b *nft.Batch) { b.Add(table, "published", entry(80), entry(81)) }); err != nil {
		t.Fatal(err)
	}
	for set, want := range map[string]int{"published": 2, "links": 0, "nothing": 0} {
		list, err := conn.Elements(table, set)
		if err != nil || len(list) != want {
			t.Errorf("%s: %v, %v", set, list, err)
		}
		for _, e := range list {
			if !slices.ContainsFunc([]nft.Element{entry(80), entry(81)}, func(x nft.Element) bool {
				return bytes.Equal(x.Key, e.Key) && bytes.Equal(x.Value, e.Value)
			}) {
				t.Errorf("%s has %v", set, e)
			}
		}
	}
	err := conn.Batch(func(b *nft.Batch) {
		b.Delete(table, "published", entry(80))
		b.Delete(table, "published", entry(4242))
	})
	if err == nil {
		t.Fatal("an element that is not there was deleted")
	}
	// The failed batch changed nothing, and the socket works again.
	if err := conn.Batch(func(b *nft.Batch) { b.Delete(table, "published", entry(80), entry(81)) }); err != nil {
		t.Fatal(err)
	}
	if list, err := conn.Tables(); err != nil || !slices.Contains(list, table) {
		t.Errorf("tables: %v, %v", list, err)
	}
	for range 2 {
		if err := conn.Batch(func(b *nft.Batch) { b.Drop(table) }); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := conn.Tables(); err != nil || len(list) != 0 {
		t.Errorf("tables left: %v, %v", list, err)
	}
}

func BenchmarkAddDeleteElement(b *testing.B) {
	conn := dial(b)
	if err := conn.Batch(full); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := conn.Batch(func(b *nft.Batch) { b.Add(table, "published", entry(80)) }); err != nil {
			b.Fatal(err)
		}
		if err := conn.Batch(func(b *nft.Batch) { b.Delete(table, "published", entry(80)) }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReplaceTable(b *testing.B) {
	conn := dial(b)
	for b.Loop() {
		if err := conn.Batch(full); err != nil {
			b.Fatal(err)
		}
	}
}

// TestRanges: sets of ranges and maps from them, of IPv6.
func TestRanges(t *testing.T) {
	conn := dial(t)
	six := nft.Table{Family: nft.IPv6, Name: "ejt-test"}
	source := nft.Tuple{}.Addr(netip.MustParseAddr("2001:db8::1"))
	want := slices.Concat(nft.Prefix(netip.MustParsePrefix("fd00::/64"), source), nft.Prefix(netip.MustParsePrefix("fd00:0:0:2::/64"), source))
	err := conn.Batch(func(b *nft.Batch) {
		b.Replace(six)
		b.Ranges(six, "hidden", nft.Addr6)
		b.RangeMap(six, "sources", nft.Addr6, nft.Addr6)
		b.Set(six, "pairs", nft.Interface, nft.Interface, nft.Addr6)
		b.Chain(six, "postrouting", nft.NAT, nft.Postrouting, nft.PrioritySrcNAT)
		b.Rule(six, "postrouting", nft.IPv6.SourceByMap("sources", nft.Source))
		b.Rule(six, "postrouting", nft.IPv6.InSet("pairs", nft.FromName, nft.ToName, nft.Source), nft.Return())
		b.Rule(six, "postrouting", nft.IPv6.ICMPType(137), nft.DestNotIn(netip.MustParsePrefix("fd00::/64")), nft.Accept())
		b.Add(six, "sources", want...)
		b.Add(six, "hidden", nft.Prefix(netip.MustParsePrefix("fd00::/8"), nil)...)
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := conn.Elements(six, "sources")
	if err != nil || len(got) != len(want) {
		t.Fatalf("%v, %v", got, err)
	}
	for _, e := range want {
		if !slices.ContainsFunc(got, func(x nft.Element) bool {
			return bytes.Equal(x.Key, e.Key) && bytes.Equal(x.Value, e.Value) && x.End == e.End
		}) {
			t.Errorf("%+v is missing in %+v", e, got)
		}
	}
	if err := conn.Batch(func(b *nft.Batch) { b.Delete(six, "sources", want[:2]...) }); err != nil {
		t.Fatal(err)
	}
	if got, err := conn.Elements(six, "sources"); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestManyElements need several messages, and more room than a socket has.
func TestManyElements(t *testing.T) {
	conn := dial(t)
	var list []nft.Element
	for i := range uint16(20000) {
		list = append(list, entry(i+1))
	}
	if err := conn.Batch(func(b *nft.Batch) { full(b); b.Add(table, "published", list...) }); err != nil {
		t.Fatal(err)
	}
	if got, err := conn.Elements(table, "published"); err != nil || len(got) != len(list) {
		t.Errorf("%d, %v", len(got), err)
	}
	if err := conn.Batch(func(b *nft.Batch) { b.Delete(table, "published", append(list, entry(30000))...) }); err == nil {
		t.Error("an element that is not there was deleted")
	}
	if err := conn.Batch(func(b *nft.Batch) { b.Delete(table, "published", list...) }); err != nil {
		t.Error(err)
	}
}

// TestFingerprint differs when anybody changes rules, and only then.
func TestFingerprint(t *testing.T) {
	conn := dial(t)
	if text, err := conn.Fingerprint(table); text != "" || err != nil {
		t.Errorf("%x, %v", text, err)
	}
	seen := make(map[string]int)
	for i, fill := range []func(*nft.Batch){
		full,
		full, // the same again
		func(b *nft.Batch) { b.Add(table, "published", entry(80)) },
		func(b *nft.Batch) { b.Rule(table, "forward", nft.Accept()) },
		func(b *nft.Batch) { b.SubChain(table, "more") },
		func(b *nft.Batch) { b.Set(table, "more", nft.Addr4) },
	} {
		before, err := conn.Generation()
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Batch(fill); err != nil {
			t.Fatal(err)
		}
		if after, err := conn.Generation(); err != nil || !after.Since(before) || after == before {
			t.Errorf("step %d: generations %v, %v, %v", i, before, after, err)
		}
		text, err := conn.Fingerprint(table)
		if err != nil {
			t.Fatal(err)
		}
		seen[text]++
	}
	if len(seen) != 4 {
		t.Errorf("%d different fingerprints", len(seen))
	}
}

// TestClosed: nothing works and nothing breaks.
func TestClosed(t *testing.T) {
	conn := dial(t)
	for range 2 {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := conn.Batch(full); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if _, err := conn.Elements(table, "published"); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}
