//go:build linux

package firewall_test

import (
	"testing"

	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/networkdriver/firewall/firewalltest"
)

func BenchmarkNFTables(b *testing.B) { firewalltest.Benchmark(b, firewall.NFTables) }

func BenchmarkIPTables(b *testing.B) { firewalltest.Benchmark(b, firewall.IPTablesNFT) }

func BenchmarkTraffic(b *testing.B) {
	for _, backend := range []string{firewall.None, firewall.NFTables, firewall.IPTablesNFT, firewall.IPTablesLegacy} {
		b.Run(backend, func(b *testing.B) { firewalltest.BenchmarkTraffic(b, backend) })
	}
}
