//go:build linux

package bridge

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/rtnl"
)

// present makes sure that the bridge is there: one that somebody deleted is made
// anew, and the containers hang on it again. Without the question an end from
// the pool would be given away that leads nowhere.
func (n *Network) present() error {
	switch index, err := n.drv.host.LinkIndex(n.set.bridge); {
	case err == nil && index == n.device.current():
		return nil
	case err == nil, isGone(err):
		return n.rebuild()
	default:
		return err
	}
}

func (n *Network) rebuild() error {
	n.repair.Lock() // one is enough; the others wait for it
	defer n.repair.Unlock()
	link, err := findBridge(n.set.bridge)
	switch {
	case err != nil:
		return err
	case link != nil && link.Attrs().Index == n.device.current():
		return nil
	case !n.device.created:
		return errdefs.Unavailable("bridge %s was removed behind our back: make it again, or restart the daemon", n.set.bridge)
	case link == nil:
		err = n.device.create()
	default:
		n.device.index.Store(int32(link.Attrs().Index))
		err = n.device.adopt(link)
	}
	if err != nil {
		return fmt.Errorf("making bridge %s anew, which was removed behind our back: %w", n.set.bridge, err)
	}
	n.sysctls()
	if n.local.Swap(false) {
		if err := n.localnet(netip.IPv4Unspecified()); err != nil {
			return err
		}
	}
	n.drv.warn("bridge %s was removed behind our back and made anew", n.set.bridge)
	return n.replug()
}

// replug hangs the containers on the new bridge.
func (n *Network) replug() error {
	links, err := dump(netlink.LinkList)
	if err != nil {
		return fmt.Errorf("listing the interfaces of bridge %s: %w", n.set.bridge, err)
	}
	var errs []error
	for _, l := range links {
		at := l.Attrs()
		if at.Alias != n.device.portAlias() || at.MasterIndex == n.device.current() {
			continue
		}
		if err := netlink.LinkSetMasterByIndex(l, n.device.current()); err != nil && !isGone(err) {
			errs = append(errs, fmt.Errorf("hanging interface %s on bridge %s: %w", at.Name, n.set.bridge, err))
			continue
		}
		if port := n.port(at.Name); port.Isolated || port.Hairpin {
			errs = append(errs, n.drv.host.Do(rtnl.SetBridgePort(port)))
		}
	}
	return errors.Join(errs...)
}

// port says how a container's interface hangs on the bridge.
func (n *Network) port(name string) rtnl.BridgePort {
	return rtnl.BridgePort{Name: name, Isolated: !n.set.icc, Hairpin: !n.drv.cfg.UserlandProxy}
}
