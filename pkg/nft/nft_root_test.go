package nft_test

import (
	"bytes"
	"net/netip"
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
