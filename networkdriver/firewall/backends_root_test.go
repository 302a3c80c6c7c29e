//go:build linux

package firewall_test

import (
	"os/exec"
	"testing"

	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/networkdriver/firewall/firewalltest"
)

func TestNFTables(t *testing.T) {
	t.Parallel()
	needs(t, "nft")
	firewalltest.Run(t, firewall.NFTables)
}

func TestIPTablesNFT(t *testing.T) {
	t.Parallel()
	needs(t, "nft", "iptables-nft-restore")
	firewalltest.Run(t, firewall.IPTablesNFT)
}

func TestIPTablesLegacy(t *testing.T) {
	t.Parallel()
	needs(t, "nft", "iptables-legacy-restore")
	firewalltest.Run(t, firewall.IPTablesLegacy)
}

// needs skips a test without the programs of the administrator that it plays.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip(err)
		}
	}
}
