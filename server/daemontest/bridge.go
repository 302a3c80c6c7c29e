//go:build linux

package daemontest

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/server/daemontest/sweep"
)

// makeBridge makes a bridge that no other daemon uses: ejdt<n> with the network
// 10.214.<n>.0/24. The link's name is the lock: whoever makes it has it. Its
// alias says whose it is, for those who sweep.
func makeBridge(dir string) (name, subnet string, err error) {
	for n := range 250 {
		name, subnet = fmt.Sprintf("ejdt%d", n), fmt.Sprintf("10.214.%d", n)
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		link := &netlink.Bridge{LinkAttrs: attrs}
		if err = netlink.LinkAdd(link); errors.Is(err, unix.EEXIST) {
			continue
		}
		if err != nil {
			break
		}
		addr, err := netlink.ParseAddr(subnet + ".1/24")
		if err == nil {
			err = errors.Join(netlink.LinkSetAlias(link, sweep.BridgeAlias(dir)), netlink.AddrAdd(link, addr), netlink.LinkSetUp(link))
		}
		if err != nil {
			return "", "", fmt.Errorf("making bridge %s: %w", name, errors.Join(err, netlink.LinkDel(link)))
		}
		return name, subnet, nil
	}
	return "", "", fmt.Errorf("making a bridge: %w", err)
}
