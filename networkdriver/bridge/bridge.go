//go:build linux

// Package bridge is the network driver of Linux hosts: containers hang on a
// bridge by veth pairs, and one nftables table per bridge lets them out, keeps
// others off and redirects published ports. Everything is done by netlink; no
// program is run.
//
// A Driver owns: the bridge, if it created it (it says so in the alias of the
// interface); the table named after the bridge; the addresses and ports it
// gave away; the sockets that hold published ports, as goroutines of this
// process; the network namespaces between allocate_interface and
// release_interface; a few ready ones in a pool. Rules and interfaces of other
// programs are never changed. Two drivers with different bridges do not see
// each other.
//
// What outlives the process: containers keep their interface, because their
// processes hold the namespace, and published ports keep working through the
// rules, which stay as long as a container does. Connections through the
// userland proxy (to loopback addresses) end with the process; a new one serves
// them again after Restore. At start the table of a predecessor is replaced
// in one transaction; its redirections are kept until the first new container
// comes, by when running ones must have been restored. Interfaces are never deleted one by one: they vanish with
// their namespace, which the kernel clears up on its own time.
//
// Packets must pass the tables of all programs: where another one drops what is
// forwarded (the iptables chain FORWARD of another engine), our accepting it
// does not help. init_networkdriver warns of such chains; it is for the
// administrator to let the bridge through. Published ports are then still
// reachable from the host itself. net.ipv4.ip_forward is switched on and stays
// on, because nobody can tell who else has come to need it.
//
// Where containers may not talk to each other, their bridge ports are isolated:
// no frame goes from one to another, whatever its protocol. The host answers
// for the others when they ask for their hardware addresses, so that packets
// between linked containers pass its rules.
//
// Locks: Driver.mu and grant.mu guard maps only. firewall.mu is held while a
// batch is with the kernel, so that what is noted and what is there change in
// the same order.
//
// Start reading at New in init_networkdriver.go. It must not import the daemon,
// and knows containers by their id only.
package bridge

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/ipallocator"
	"github.com/enginejobs/docker/networkdriver/netjobs"
	"github.com/enginejobs/docker/networkdriver/portmapper"
	"github.com/enginejobs/docker/pkg/rtnl"
)

// Install declares the network jobs.
func Install(eng *engine.Engine) error {
	return netjobs.Install(eng, func(ctx context.Context, cfg networkdriver.Config, warn func(string, ...any)) (networkdriver.Driver, error) {
		return New(ctx, cfg, warn)
	})
}

// Driver gives containers their place on one bridge.
type Driver struct {
	cfg      networkdriver.Config
	device   device
	host     *rtnl.Conn
	ips      *ipallocator.Allocator
	firewall *firewall
	mapper   *portmapper.Mapper
	pool     *pool
	tasks    sync.WaitGroup // work nobody waits for but Close

	mu        sync.Mutex // guards what follows
	given     map[string]*grant
	strangers map[netip.Addr]bool // reserved at start, claimed by nobody yet
	closed    bool
}

var _ networkdriver.Driver = (*Driver)(nil)

// grant is what one container was given.
type grant struct {
	mu      sync.Mutex // guards what follows
	state   grantState
	sandbox *sandbox // without a namespace when restored
	ports   []portmapper.Mapping
}

// grantState is where a grant is in its life.
type grantState int

const (
	pending  grantState = iota // allocate_interface is at work
	ready                      // in use
	released                   // given back
)

// find gives the grant of a container that is ready.
func (d *Driver) find(id string) (*grant, bool) {
	d.mu.Lock()
	g := d.given[id]
	d.mu.Unlock()
	if g == nil {
		return nil, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g, g.state == ready
}

// Close lets go of everything that no container needs. With containers left,
// the bridge and the rules stay.
func (d *Driver) Close(ctx context.Context) error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	given := d.given
	d.mu.Unlock()

	for _, s := range d.pool.close() {
		s.close()
	}
	errs := []error{d.mapper.Close()}
	d.tasks.Wait()
	for _, g := range given {
		g.mu.Lock()
		if g.sandbox != nil {
			g.sandbox.close()
		}
		g.mu.Unlock()
	}
	if len(given) == 0 {
		errs = append(errs, d.firewall.remove(), d.device.clear(), d.device.remove())
	}
	return errors.Join(append(errs, d.firewall.close(), d.host.Close())...)
}
