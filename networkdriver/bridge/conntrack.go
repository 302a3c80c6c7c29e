//go:build linux

package bridge

import (
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/networkdriver/portmapper"
)

// deleteFlows deletes the connection tracking entries of published UDP ports.
// It walks the whole table, which nobody should wait for, and it is an
// optimisation of other programs' comfort: its failure changes nothing here.
func deleteFlows(ports []portmapper.Mapping) {
	filters := make([]netlink.CustomConntrackFilter, 0, len(ports))
	for _, m := range ports {
		f := &netlink.ConntrackFilter{}
		if f.AddProtocol(unix.IPPROTO_UDP) == nil && f.AddPort(netlink.ConntrackOrigDstPort, m.Host.Port()) == nil {
			filters = append(filters, f)
		}
	}
	_, _ = netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, filters...)
}
