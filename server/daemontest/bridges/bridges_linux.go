// Package bridges makes network bridges for daemons under test and removes them,
// with whatever a daemon that was killed has left on them. It owns no state.
// Start reading at Make. It is imported by daemontest, its sweep, and the
// end-to-end tests of package integration.
package bridges

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/nft"
)

// most is how many bridges of one family there may be at a time.
const most = 250

// Make makes a bridge that no other daemon uses and takes it up: family<n>, with
// the network 10.second.<n>.0/24, of which it answers the first three numbers.
// The link's name is the lock: whoever makes it has it. Its alias says whose it
// is, for those who sweep.
func Make(family string, second int, alias string) (name, subnet string, err error) {
	for n := range most {
		name, subnet = fmt.Sprintf("%s%d", family, n), fmt.Sprintf("10.%d.%d", second, n)
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
			err = errors.Join(netlink.LinkSetAlias(link, alias), netlink.AddrAdd(link, addr), netlink.LinkSetUp(link))
		}
		if err != nil {
			return "", "", fmt.Errorf("making bridge %s: %w", name, errors.Join(err, netlink.LinkDel(link)))
		}
		return name, subnet, nil
	}
	return "", "", fmt.Errorf("making a bridge: %w", err)
}

// Remove removes a bridge, what hangs on it, and its rules. One that does not
// exist is removed already.
func Remove(name string) error {
	link, err := netlink.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for bridge %s: %w", name, err)
	}
	errs := []error{removeRules(name)}
	ports, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		errs = append(errs, err)
	}
	for _, port := range ports {
		if port.Attrs().MasterIndex == link.Attrs().Index {
			_ = netlink.LinkDel(port) // it may vanish by itself meanwhile
		}
	}
	if err := netlink.LinkDel(link); err != nil {
		errs = append(errs, fmt.Errorf("removing bridge %s: %w", name, err))
	}
	return errors.Join(errs...)
}

// removeRules removes the tables that a daemon keeps for a bridge.
func removeRules(bridge string) error {
	conn, err := nft.Dial()
	if err != nil {
		return nil //nolint:nilerr // a host without nftables has no rules either
	}
	err = conn.Batch(func(b *nft.Batch) {
		for _, family := range []nft.Family{nft.IPv4, nft.IPv6} {
			b.Drop(nft.Table{Family: family, Name: "enginejobs-" + bridge})
		}
	})
	return errors.Join(err, conn.Close())
}
