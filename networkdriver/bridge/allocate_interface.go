//go:build linux

package bridge

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// Allocate gives a container a sandbox: one from the pool if any address will
// do, else a fresh one. With Restore only the address is noted.
func (d *Driver) Allocate(ctx context.Context, req networkdriver.InterfaceRequest) (*networkdriver.Interface, error) {
	g, err := d.begin(req.ID)
	if err != nil {
		return nil, err
	}
	s, err := d.sandboxFor(ctx, req)
	if err == nil && ctx.Err() != nil { // the caller has left
		s.close()
		d.ips.Release(s.ip)
		err = ctx.Err()
	}
	if err != nil {
		d.forget(req.ID)
		return nil, err
	}
	g.mu.Lock()
	g.sandbox, g.state = s, ready
	g.mu.Unlock()
	address := netip.PrefixFrom(s.ip, d.device.address.Bits())
	iface := networkdriver.Describe(d.device.name, address, d.device.address.Addr(), s.mac)
	iface.SandboxKey = s.key()
	return iface, nil
}

// begin notes that a container is about to be given something.
func (d *Driver) begin(id string) (*grant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errdefs.Unavailable("the network of bridge %s is shut down", d.device.name)
	}
	if d.given[id] != nil {
		return nil, errdefs.Conflict("container %s has an interface already", id)
	}
	g := &grant{}
	d.given[id] = g
	return g, nil
}

func (d *Driver) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.given, id)
}

func (d *Driver) sandboxFor(ctx context.Context, req networkdriver.InterfaceRequest) (*sandbox, error) {
	if !req.Restore {
		if err := errors.Join(d.present(), d.firewall.dropLegacy()); err != nil {
			return nil, err
		}
	}
	if !req.IP.IsValid() && req.MAC == nil {
		return d.anySandbox(ctx)
	}
	ip := req.IP
	var err error
	if ip.IsValid() {
		pooled, err := d.claim(ctx, ip, req.Restore)
		if err != nil {
			return nil, err
		}
		if pooled != nil && !req.Restore && (req.MAC == nil || bytes.Equal(req.MAC, pooled.mac)) {
			return pooled, nil
		}
		if pooled != nil {
			pooled.close()
		}
	} else if ip, err = d.nextAddress(ctx); err != nil {
		return nil, err
	}
	return d.sandboxWith(ip, req.MAC, req.Restore)
}

// sandboxWith makes a sandbox for an address that is reserved already.
func (d *Driver) sandboxWith(ip netip.Addr, mac net.HardwareAddr, restore bool) (*sandbox, error) {
	if mac == nil {
		mac = networkdriver.MAC(ip)
	}
	if restore {
		return &sandbox{ip: ip, mac: mac}, nil
	}
	s, err := d.build(ip, mac)
	if err != nil {
		d.ips.Release(ip)
	}
	return s, err
}

// anySandbox is the way nearly all containers go.
func (d *Driver) anySandbox(ctx context.Context) (*sandbox, error) {
	if s := d.pool.take(); s != nil {
		return s, nil
	}
	s, err := d.buildNext()
	if errdefs.Is(err, errdefs.KindUnavailable) {
		// The pool may be about to have the last address.
		d.pool.settle(ctx)
		if s := d.pool.take(); s != nil {
			return s, nil
		}
	}
	return s, err
}

// nextAddress takes an address without a sandbox, from the pool if there is no
// other.
func (d *Driver) nextAddress(ctx context.Context) (netip.Addr, error) {
	ip, err := d.ips.Next()
	if err == nil {
		return ip, nil
	}
	d.pool.settle(ctx)
	s := d.pool.take()
	if s == nil {
		return netip.Addr{}, err
	}
	s.close()
	return s.ip, nil
}

// claim takes one given address, out of the pool if that has it; then the
// sandbox made for it comes along. What was found on the bridge at start only a
// running container may claim.
func (d *Driver) claim(ctx context.Context, ip netip.Addr, restore bool) (*sandbox, error) {
	if restore && d.recognise(ip) {
		return nil, nil
	}
	if s := d.pool.takeIP(ip); s != nil {
		return s, nil
	}
	err := d.ips.Reserve(ip)
	if errdefs.IsConflict(err) {
		d.pool.settle(ctx)
		if s := d.pool.takeIP(ip); s != nil {
			return s, nil
		}
	}
	return nil, err
}

// recognise hands an address that was found on the bridge to its owner.
func (d *Driver) recognise(ip netip.Addr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.strangers[ip]
	delete(d.strangers, ip)
	return known
}
