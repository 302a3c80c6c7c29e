//go:build linux

package bridge

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/portmapper"
)

// Network is one bridge.
type Network struct {
	drv    *Driver
	id     string
	set    settings
	v4, v6 *networkdriver.Subnet
	device *device
	pool   *pool
	local  atomic.Bool // route_localnet is on

	repair sync.Mutex // one at a time looks after the bridge
	hang   sync.Once  // containers that run hang on a bridge that was gone

	mu        sync.Mutex // guards what follows
	given     map[string]*grant
	strangers map[netip.Addr]bool // reserved at start, claimed by nobody yet
	closed    bool
}

var _ networkdriver.Network = (*Network)(nil)

// grant is what one container was given.
type grant struct {
	mu    sync.Mutex // guards what follows
	state grantState
	end   *end
	ports []portmapper.Mapping
}

// grantState is where a grant is in its life.
type grantState int

const (
	pending  grantState = iota // Allocate is at work
	ready                      // in use
	released                   // given back
)

// Open makes the bridge or adopts the one that is there, and its rules. When a
// step fails, the steps before it are undone.
func (d *Driver) Open(_ context.Context, spec networkdriver.Spec) (networkdriver.Network, error) {
	s, err := d.settings(spec)
	if err != nil {
		return nil, err
	}
	n := &Network{drv: d, id: spec.ID, set: s, v4: spec.V4, v6: spec.V6, given: make(map[string]*grant)}
	if err := d.enter(n); err != nil {
		return nil, err
	}
	var undo []func() error
	fail := func(err error) (networkdriver.Network, error) {
		for i := len(undo) - 1; i >= 0; i-- {
			err = errors.Join(err, undo[i]())
		}
		d.leave(n)
		return nil, err
	}
	if n.device, err = openDevice(d.host, s, d.warn); err != nil {
		return fail(err)
	}
	undo = append(undo, n.device.remove)
	n.strangers = n.meet()
	if s.v6.IsValid() {
		d.forward6()
	}
	n.sysctls()
	if err := d.firewall.AddNetwork(s.rules()); err != nil {
		return fail(err)
	}
	warm := 0
	if s.standard {
		warm = d.cfg.Warm
	}
	n.pool = newPool(warm, n.buildNext)
	if !n.device.inUse {
		n.pool.refill()
	}
	return n, nil
}

// enter notes a network that is being opened; two cannot have one bridge.
func (d *Driver) enter(n *Network) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errdefs.Unavailable("the networks are shut down")
	}
	if other := d.open[n.set.bridge]; other != nil {
		return errdefs.Conflict("cannot create network %s (%s): conflicts with network %s (%s): networks have same bridge name",
			n.id, n.set.bridge, other.id, n.set.bridge)
	}
	d.open[n.set.bridge] = n
	return nil
}

func (d *Driver) leave(n *Network) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, n.set.bridge)
}

// meet reserves the addresses of interfaces that somebody else hung on the
// bridge or that a predecessor left behind: only their owner may have them, by
// Restore.
func (n *Network) meet() map[netip.Addr]bool {
	strangers := make(map[netip.Addr]bool)
	if !n.device.inUse || n.v4 == nil {
		return strangers
	}
	for _, ip := range n.device.neighbours() {
		if n.v4.Reserve(ip) == nil {
			strangers[ip] = true
		}
	}
	return strangers
}

// sysctls sets what the bridge needs.
func (n *Network) sysctls() {
	isolated := !n.set.icc
	name := n.set.bridge
	for _, s := range []struct {
		wanted            bool
		name, value, lost string
	}{
		// The host answers for containers that must not see each other, at once
		// (the kernel waits up to 0.8 seconds otherwise).
		{isolated && n.v4 != nil, "net/ipv4/conf/" + name + "/proxy_arp_pvlan", "1", "linked containers will not reach each other"},
		{isolated && n.v4 != nil, "net/ipv4/neigh/" + name + "/proxy_delay", "0", "linked containers will reach each other with a delay"},
		{n.v6 != nil, "net/ipv6/conf/" + name + "/accept_ra", "0", "router advertisements of containers change the host's routes"},
	} {
		if !s.wanted {
			continue
		}
		if err := setSysctl(s.name, s.value); err != nil {
			n.drv.warn("%s: %v", s.lost, err)
		}
	}
}

// localnet lets packets that were sent to a loopback address of the host leave
// by the bridge (the firewall keeps others from doing so). It is on from the
// first port that is published there.
func (n *Network) localnet(host netip.Addr) error {
	if !host.Is4() || !host.IsLoopback() && !host.IsUnspecified() || !n.drv.cfg.Firewall || n.local.Load() {
		return nil
	}
	if err := setSysctl("net/ipv4/conf/"+n.set.bridge+"/route_localnet", "1"); err != nil {
		return err
	}
	n.local.Store(true)
	return nil
}

// find gives the grant of a container that is ready.
func (n *Network) find(id string) (*grant, bool) {
	n.mu.Lock()
	g := n.given[id]
	n.mu.Unlock()
	if g == nil {
		return nil, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g, g.state == ready
}

// stop ends the network's own work and tells how many containers it has; with
// any, an idle one is wanted in vain.
func (n *Network) stop(idle bool) (used int, again bool) {
	n.mu.Lock()
	used, again = len(n.given), n.closed
	if idle && used > 0 || again {
		n.mu.Unlock()
		return used, again
	}
	n.closed = true
	n.mu.Unlock()
	for _, e := range n.pool.close() {
		e.close()
		n.giveBack(e)
	}
	return used, false
}

// Close lets go of everything that no container needs. With containers left,
// the bridge and the rules stay; without any, the default bridge goes.
func (n *Network) Close(context.Context) error {
	used, again := n.stop(false)
	if again || used > 0 {
		return nil // it stays in the driver's books: the rules are needed
	}
	n.drv.leave(n)
	if !n.set.standard {
		return nil
	}
	return errors.Join(n.device.clear(), n.device.remove())
}

// Delete removes bridge and rules.
func (n *Network) Delete(context.Context) error {
	switch used, again := n.stop(true); {
	case used > 0:
		return errdefs.Conflict("bridge %s has %d container(s)", n.set.bridge, used)
	case again:
		return nil
	}
	err := errors.Join(n.drv.firewall.RemoveNetwork(n.set.bridge), n.device.clear(), n.device.end())
	n.drv.leave(n)
	return err
}
