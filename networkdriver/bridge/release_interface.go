//go:build linux

package bridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"

	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/portmapper"
	"github.com/enginejobs/docker/pkg/netns"
)

// Release takes back ports, links and addresses of a container. The addresses
// are given back last, so that no rule is left for their next owner. All is
// attempted; an error tells what could not be undone.
func (n *Network) Release(_ context.Context, req networkdriver.ReleaseRequest) error {
	g, ok := n.find(req.ID)
	if !ok {
		return networkdriver.NoInterface(req.ID)
	}
	g.mu.Lock()
	if g.state != ready {
		g.mu.Unlock()
		return networkdriver.NoInterface(req.ID)
	}
	g.state = released
	e, ports := g.end, g.ports
	g.end, g.ports = nil, nil
	g.mu.Unlock()

	err := errors.Join(n.unmap(ports), n.dropLinks(e))
	if req.Namespace != nil {
		err = errors.Join(err, n.leave(e, req))
	}
	n.giveBack(e)
	n.forget(req.ID)
	return err
}

func (n *Network) dropLinks(e *end) error {
	if n.set.icc {
		return nil
	}
	var errs []error
	if e.v4.IsValid() {
		errs = append(errs, n.drv.firewall.DropAddress(n.set.bridge, e.v4))
	}
	if e.v6.IsValid() {
		errs = append(errs, n.drv.firewall.DropAddress(n.set.bridge, e.v6))
	}
	return errors.Join(errs...)
}

// leave takes the interface of a container that runs on away.
func (n *Network) leave(e *end, req networkdriver.ReleaseRequest) error {
	if e.port != "" {
		return n.unplug(e.port)
	}
	err := netns.Do(req.Namespace, func() error {
		link, err := netlink.LinkByName(req.Name)
		if err != nil {
			return err
		}
		return netlink.LinkDel(link)
	})
	if err != nil && !isGone(err) {
		return fmt.Errorf("removing interface %s of container %s: %w", req.Name, req.ID, err)
	}
	return nil
}

// unplug deletes a pair by its end at the host.
func (n *Network) unplug(port string) error {
	link, err := netlink.LinkByName(port)
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err != nil && !isGone(err) {
		return fmt.Errorf("removing interface %s: %w", port, err)
	}
	return nil
}

// ReleasePorts ends what AllocatePort began.
func (n *Network) ReleasePorts(_ context.Context, id string) error {
	g, ok := n.find(id)
	if !ok {
		return networkdriver.NoInterface(id)
	}
	g.mu.Lock()
	ports := g.ports
	g.ports = nil
	g.mu.Unlock()
	return n.unmap(ports)
}

func (n *Network) unmap(ports []portmapper.Mapping) error {
	err := n.drv.mapper.Unmap(ports)
	n.drv.forgetFlows(ports)
	return err
}

// forgetFlows makes the kernel forget where it redirected datagrams to: it
// would go on with a client that does not fall silent.
func (d *Driver) forgetFlows(ports []portmapper.Mapping) {
	var udp []portmapper.Mapping
	for _, m := range ports {
		if m.Proto == "udp" && m.Redirected() {
			udp = append(udp, m)
		}
	}
	if len(udp) == 0 || !d.cfg.Firewall {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.tasks.Go(func() { deleteFlows(udp) })
	}
}
