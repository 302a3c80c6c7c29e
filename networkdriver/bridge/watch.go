//go:build linux

package bridge

import (
	"context"
	"time"

	"github.com/enginejobs/docker/networkdriver/firewall"
)

// How often the driver looks whether its rules and bridges are still there. With
// nftables that is one question to the kernel; iptables has to be run.
const (
	watchEvery       = 3 * time.Second
	watchEverySlowly = 30 * time.Second
)

// watch looks after rules and bridges until the driver closes: what somebody took
// away behind our back is made anew, and said.
func (d *Driver) watch(ctx context.Context) {
	every := watchEvery
	if d.firewall.Backend() != firewall.NFTables {
		every = watchEverySlowly
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := d.look(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			d.warn("looking after the networks: %v", err)
		}
		failing = err != nil // said once
	}
}

// look does so once. Networks without containers wait for their first one.
func (d *Driver) look(ctx context.Context) error {
	repaired, err := d.firewall.Check(ctx)
	if err != nil {
		return err
	}
	if repaired {
		d.warn("packet filter rules of %s were changed behind our back and are written anew", d.cfg.BridgeName())
	}
	d.mu.Lock()
	var used []*Network
	for _, n := range d.open {
		if n.busy() {
			used = append(used, n)
		}
	}
	d.mu.Unlock()
	for _, n := range used {
		if err := n.present(); err != nil {
			return err
		}
	}
	return nil
}

// busy tells whether containers are on the network.
func (n *Network) busy() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.given) > 0 && !n.closed && n.device != nil
}
