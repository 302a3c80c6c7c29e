//go:build linux

package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// Allocate gives a container an end: one from the pool if any address will do,
// else a fresh one. With Restore only the addresses are noted.
func (n *Network) Allocate(ctx context.Context, req networkdriver.InterfaceRequest) (*networkdriver.Interface, error) {
	if err := n.check(req); err != nil {
		return nil, err
	}
	g, err := n.begin(req.ID)
	if err != nil {
		return nil, err
	}
	e, err := n.endFor(ctx, req)
	if err == nil && ctx.Err() != nil { // the caller has left
		err = errors.Join(ctx.Err(), n.drop(e, req.Namespace != nil))
	}
	if err != nil {
		n.forget(req.ID)
		return nil, err
	}
	iface := n.describe(e)
	if e.ns != nil { // the caller's from here on
		iface.Namespace, iface.SandboxKey = e.ns, fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), e.ns.Fd())
		e.ns = nil
	}
	g.mu.Lock()
	g.end, g.state = e, ready
	g.mu.Unlock()
	return iface, nil
}

// check refuses addresses of a family that the network does not have.
func (n *Network) check(req networkdriver.InterfaceRequest) error {
	switch {
	case req.IP.IsValid() && n.v4 == nil:
		return errdefs.InvalidArgument("invalid address %s: the network has no IPv4 addresses", req.IP)
	case req.IPv6.IsValid() && n.v6 == nil:
		return errdefs.InvalidArgument("invalid address %s: the network has no IPv6 addresses", req.IPv6)
	}
	return nil
}

func (n *Network) describe(e *end) *networkdriver.Interface {
	var v4, v6 netip.Prefix
	if e.v4.IsValid() {
		v4 = netip.PrefixFrom(e.v4, n.set.v4.Bits())
	}
	if e.v6.IsValid() {
		v6 = netip.PrefixFrom(e.v6, n.set.v6.Bits())
	}
	return networkdriver.Describe(n.set.bridge, v4, v6, n.set.way4, n.set.way6, e.mac)
}

// begin notes that a container is about to be given something.
func (n *Network) begin(id string) (*grant, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, errdefs.Unavailable("the network of bridge %s is shut down", n.set.bridge)
	}
	if n.given[id] != nil {
		return nil, errdefs.Conflict("container %s has an interface already", id)
	}
	g := &grant{}
	n.given[id] = g
	return g, nil
}

func (n *Network) forget(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.given, id)
}

// endFor finds or makes the end for a request.
func (n *Network) endFor(ctx context.Context, req networkdriver.InterfaceRequest) (*end, error) {
	var err error
	switch {
	case !req.Restore:
		err = errors.Join(n.present(), n.drv.dropInherited())
	case n.device.fresh:
		n.hang.Do(func() { err = n.replug() })
	}
	if err != nil {
		return nil, err
	}
	if req.IP.IsValid() {
		if e := n.pooled(req); e != nil {
			return e, nil
		}
	} else if plain(req) && req.MAC == nil && !req.IPv6.IsValid() {
		if e := n.pool.take(); e != nil {
			return e, nil
		}
	}
	e, err := n.make(req)
	switch {
	case errdefs.Is(err, errdefs.KindUnavailable):
		return n.lastAddress(ctx, req, err)
	case errdefs.IsConflict(err) && req.IP.IsValid(): // the pool may be about to have it
		n.pool.settle(ctx)
		if e := n.pooled(req); e != nil {
			return e, nil
		}
		if n.free(req.IP) {
			return n.make(req)
		}
	}
	return e, err
}

// pooled takes the address of a request out of the pool. If the end that was
// made for it will not do, the address is free afterwards.
func (n *Network) pooled(req networkdriver.InterfaceRequest) *end {
	e := n.pool.takeIP(req.IP)
	if e == nil || plain(req) && e.fits(req) {
		return e
	}
	e.close()
	n.giveBack(e)
	return nil
}

// free tells whether nobody has an address.
func (n *Network) free(ip netip.Addr) bool {
	if n.v4 == nil || n.v4.Reserve(ip) != nil {
		return false
	}
	n.v4.Release(ip)
	return true
}

// lastAddress takes the addresses out of the pool when there are no others.
func (n *Network) lastAddress(ctx context.Context, req networkdriver.InterfaceRequest, none error) (*end, error) {
	n.pool.settle(ctx)
	e := n.pool.take()
	if e == nil {
		return nil, none
	}
	if plain(req) && e.fits(req) && (!req.IP.IsValid() || req.IP == e.v4) {
		return e, nil
	}
	e.close()
	n.giveBack(e)
	return n.make(req)
}

// drop undoes an end that nobody has seen.
func (n *Network) drop(e *end, running bool) (err error) {
	e.close()
	if running && e.port != "" {
		err = n.unplug(e.port)
	}
	n.giveBack(e)
	return err
}
