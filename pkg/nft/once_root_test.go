package nft_test

import (
	"errors"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/nft"
	"github.com/enginejobs/docker/pkg/testutil"
)

// TestOnce: a table is made and removed where the thread is; one that is there,
// or is not, is told as such.
func TestOnce(t *testing.T) {
	testutil.RequiresRoot(t)
	ns, err := netns.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	for _, family := range []nft.Family{nft.IPv4, nft.IPv6} {
		at := map[nft.Family]string{nft.IPv4: "127.0.0.11:53", nft.IPv6: "[fd00::11]:53"}[family]
		own := nft.Table{Family: family, Name: "ejt-once"}
		make := func(b *nft.Batch) {
			b.Create(own)
			b.Chain(own, "output", nft.Filter, nft.Output, nft.PriorityRaw)
			b.Rule(own, "output", nft.RewritePort(unix.IPPROTO_TCP, nft.Dest, netip.MustParseAddrPort(at), 5353))
			b.Rule(own, "output", nft.RewritePort(unix.IPPROTO_UDP, nft.Source, netip.MustParseAddrPort(at), 5353))
		}
		remove := func(b *nft.Batch) { b.Remove(own) }
		for _, step := range []struct {
			fill func(*nft.Batch)
			want error
		}{{make, nil}, {make, os.ErrExist}, {remove, nil}, {remove, os.ErrNotExist}, {make, nil}} {
			if err := netns.Do(ns, func() error { return nft.Once(step.fill) }); !errors.Is(err, step.want) {
				t.Errorf("family %d: %v, want %v", family, err, step.want)
			}
		}
	}
}
