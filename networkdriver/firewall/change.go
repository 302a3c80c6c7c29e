//go:build linux

package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/enginejobs/docker/errdefs"
)

// commit takes a step that is noted in the state already. When the kernel
// refuses it, somebody may have flushed or changed our rules: then all is
// written anew, as it should be now. The caller holds the lock.
func (f *Firewall) commit(c *change) error {
	if c.empty() {
		return nil
	}
	err := f.backend.apply(c, &f.state)
	if err == nil {
		return nil
	}
	if again := f.backend.write(&f.state); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

// clone is a network that the caller cannot change any more.
func (n Network) clone() Network {
	n.Subnets, n.SNAT = slices.Clone(n.Subnets), slices.Clone(n.SNAT)
	return n
}

func equal(a, b Network) bool {
	return a.Bridge == b.Bridge && a.Masquerade == b.Masquerade && a.Isolated == b.Isolated && a.Internal == b.Internal &&
		a.Proxied == b.Proxied && slices.Equal(a.Subnets, b.Subnets) && slices.Equal(a.SNAT, b.SNAT)
}

func (f *Firewall) addNetwork(n Network) (changed bool, err error) {
	old, known := f.state.networks[n.Bridge]
	if known && equal(old, n) {
		return false, nil
	}
	f.state.networks[n.Bridge] = n
	if known { // ports and links of it may be written differently now
		err = f.backend.write(&f.state)
	} else {
		err = f.commit(&change{addNetworks: []Network{n}})
	}
	if err == nil {
		return true, nil
	}
	delete(f.state.networks, n.Bridge)
	if known {
		f.state.networks[n.Bridge] = old
	}
	return false, fmt.Errorf("writing the rules of bridge %s: %w", n.Bridge, err)
}

func (f *Firewall) removeNetwork(bridge string) error {
	n, known := f.state.networks[bridge]
	if !known {
		return nil
	}
	c := change{dropNetworks: []Network{n}}
	for s, p := range f.state.ports {
		if p.Bridge == bridge {
			c.dropPorts = append(c.dropPorts, p)
			delete(f.state.ports, s)
		}
	}
	for s, p := range f.state.inherited {
		if p.Bridge == bridge {
			c.dropPorts = append(c.dropPorts, p)
			delete(f.state.inherited, s)
		}
	}
	for l := range f.state.links {
		if l.Bridge == bridge {
			c.dropLinks = append(c.dropLinks, l)
			delete(f.state.links, l)
		}
	}
	delete(f.state.networks, bridge)
	if err := f.commit(&c); err != nil {
		return fmt.Errorf("removing the rules of bridge %s: %w", bridge, err)
	}
	return nil
}

func (f *Firewall) addPorts(list []Port) error {
	var c change
	var claimed []Port // redirections of a predecessor, in the kernel until now
	undo := func() {
		for _, p := range c.addPorts {
			delete(f.state.ports, p.slot())
		}
		for _, p := range claimed {
			delete(f.state.ports, p.slot())
			f.state.inherited[p.slot()] = p
		}
	}
	for _, p := range list {
		old, err := f.claim(p)
		if err != nil {
			undo()
			return err
		}
		if f.state.networks[p.Bridge].Internal || f.state.ports[p.slot()] == p {
			continue
		}
		s := p.slot()
		f.state.ports[s] = p
		delete(f.state.inherited, s)
		if old.Bridge == p.Bridge && old.Container == p.Container { // goes on as it is
			claimed = append(claimed, old)
			continue
		}
		if old.Proto != "" {
			claimed = append(claimed, old)
			c.dropPorts = append(c.dropPorts, old)
		}
		c.addPorts = append(c.addPorts, p)
	}
	if err := f.commit(&c); err != nil {
		undo()
		return fmt.Errorf("redirecting %s/%s: %w", list[0].Host, list[0].Proto, err)
	}
	return nil
}

// claim says whether a port may be redirected, and gives the redirection of a
// predecessor that it takes the place of.
func (f *Firewall) claim(p Port) (old Port, err error) {
	if err := f.validPort(p); err != nil {
		return old, err
	}
	if _, ok := f.state.networks[p.Bridge]; !ok {
		return old, errdefs.NotFound("the firewall knows no network on bridge %s", p.Bridge)
	}
	if now, ok := f.state.ports[p.slot()]; ok && now != p {
		return old, errdefs.Conflict("%s/%s is redirected to %s already", p.Host, p.Proto, now.Container)
	}
	return f.state.inherited[p.slot()], nil
}

func (f *Firewall) removePorts(list []Port) error {
	var c change
	for _, p := range list {
		if now, ok := f.state.ports[p.slot()]; ok && now == p {
			c.dropPorts = append(c.dropPorts, p)
			delete(f.state.ports, p.slot())
		}
	}
	if err := f.commit(&c); err != nil {
		return fmt.Errorf("ending the redirection of %d port(s): %w", len(c.dropPorts), err)
	}
	return nil
}

func (f *Firewall) addLinks(list []Link) error {
	for _, l := range list {
		if err := f.validLink(l); err != nil {
			return err
		}
		if _, ok := f.state.networks[l.Bridge]; !ok {
			return errdefs.NotFound("the firewall knows no network on bridge %s", l.Bridge)
		}
	}
	var c change
	var opened []Link
	for _, l := range list {
		if !f.state.networks[l.Bridge].Isolated {
			continue
		}
		if f.state.links[l] == 0 {
			c.addLinks = append(c.addLinks, l)
		}
		f.state.links[l]++
		opened = append(opened, l)
	}
	if err := f.commit(&c); err != nil {
		for _, l := range opened {
			f.closeLink(l)
		}
		return fmt.Errorf("opening %d link(s): %w", len(c.addLinks), err)
	}
	return nil
}

// closeLink counts down, and tells whether that was the last one.
func (f *Firewall) closeLink(l Link) bool {
	switch f.state.links[l] {
	case 0:
		return false
	case 1:
		delete(f.state.links, l)
		return true
	}
	f.state.links[l]--
	return false
}

func (f *Firewall) removeLinks(list []Link) error {
	var c change
	for _, l := range list {
		if f.closeLink(l) {
			c.dropLinks = append(c.dropLinks, l)
		}
	}
	return f.commitClosed(&c)
}

func (f *Firewall) commitClosed(c *change) error {
	if err := f.commit(c); err != nil {
		return fmt.Errorf("closing %d link(s): %w", len(c.dropLinks), err)
	}
	return nil
}

func (f *Firewall) dropAddress(bridge string, ip netip.Addr) error {
	var c change
	for l := range f.state.links {
		if l.Bridge == bridge && (l.Parent == ip || l.Child == ip) {
			c.dropLinks = append(c.dropLinks, l)
			delete(f.state.links, l)
		}
	}
	return f.commitClosed(&c)
}

func (f *Firewall) dropInherited() error {
	var c change
	for s, p := range f.state.inherited {
		c.dropPorts = append(c.dropPorts, p)
		delete(f.state.inherited, s)
	}
	if err := f.commit(&c); err != nil {
		return fmt.Errorf("ending %d redirection(s) of a former process: %w", len(c.dropPorts), err)
	}
	return nil
}
