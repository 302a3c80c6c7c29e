//go:build linux

package firewall

import "github.com/enginejobs/docker/errdefs"

func openIPTables(variant, name string, ipv6 bool) (*nftables, error) {
	return nil, errdefs.NotImplemented("not yet")
}
