//go:build linux

package firewall_test

import (
	"testing"

	"github.com/enginejobs/docker/networkdriver/firewall/firewalltest"
)

func BenchmarkNFTables(b *testing.B) { firewalltest.Benchmark(b, "nftables") }
