//go:build linux

package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/networkdriver/portallocator"
	"github.com/enginejobs/docker/networkdriver/portmapper"
	"github.com/enginejobs/docker/pkg/rtnl"
	"github.com/enginejobs/docker/pkg/userlandproxy"
)

// Driver is what all bridges of an engine share.
type Driver struct {
	cfg      networkdriver.Config
	host     *rtnl.Conn
	firewall *firewall.Firewall
	mapper   *portmapper.Mapper
	warn     networkdriver.Warn
	tasks    sync.WaitGroup // work nobody waits for but Close
	inherit  sync.Once      // what a predecessor redirected is dropped once
	stop     context.CancelFunc

	mu     sync.Mutex // guards what follows
	open   map[string]*Network
	closed bool
}

var _ networkdriver.Driver = (*Driver)(nil)

// New opens the host for forwarding and writes the rules of the networks that
// are known. When a step fails, the steps before it are undone.
func New(ctx context.Context, cfg networkdriver.Config, known []networkdriver.Spec, warn networkdriver.Warn) (*Driver, error) {
	if !cfg.DefaultBind.IsValid() {
		cfg.DefaultBind = netip.IPv4Unspecified()
	}
	d := &Driver{cfg: cfg, warn: warn, open: make(map[string]*Network)}
	var err error
	if d.host, err = rtnl.Dial(); err != nil {
		return nil, err
	}
	d.forward()
	list := make([]firewall.Network, 0, len(known))
	for _, spec := range known {
		s, err := d.settings(spec)
		if err != nil {
			return nil, errors.Join(err, d.host.Close())
		}
		list = append(list, s.rules())
	}
	backend := cfg.Backend
	if !cfg.Firewall {
		backend = "none"
	}
	d.firewall, err = firewall.Open(firewall.Options{
		Name: "enginejobs-" + cfg.BridgeName(), Backend: backend, IPv6: true, Warn: warn,
	}, list)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("Unable to enable network bridge NAT: %w", err), d.host.Close())
	}
	ports, err := portallocator.New(portallocator.KernelRange("/proc/sys/net/ipv4/ip_local_port_range"))
	if err != nil {
		return nil, errors.Join(err, d.firewall.Remove(), d.firewall.Close(), d.host.Close())
	}
	d.mapper = portmapper.New(ports, redirections{d.firewall}, d.hold)
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	d.tasks.Go(func() { d.watch(watching) })
	return d, nil
}

// FirewallBackend names what writes the rules of the packet filter; "" when nothing
// does.
func (d *Driver) FirewallBackend() string {
	if !d.cfg.Firewall {
		return ""
	}
	return d.firewall.Backend()
}

// forward opens the host for forwarding. One that does not allow it gets a
// warning: containers still reach it.
func (d *Driver) forward() {
	if !d.cfg.IPForward {
		return
	}
	if err := setSysctl("net/ipv4/ip_forward", "1"); err != nil {
		d.warn("containers will not reach the outside: %v", err)
	}
}

// forward6 does so for IPv6, when a network comes that needs it. Interfaces that
// take their addresses and routes from advertisements would stop doing so when
// they begin to forward, unless accept_ra says 2 (kernel: ip-sysctl).
func (d *Driver) forward6() {
	if !d.cfg.IPForward {
		return
	}
	if value, err := readSysctl("net/ipv6/conf/all/forwarding"); err != nil || value == "1" {
		return
	}
	if err := errors.Join(keepAdvertised(), setSysctl("net/ipv6/conf/all/forwarding", "1")); err != nil {
		d.warn("containers will not reach the outside over IPv6: %v", err)
	}
}

// redirections is the firewall as the port mapper sees it.
type redirections struct{ *firewall.Firewall }

func (r redirections) AddPort(m portmapper.Mapping) error {
	if !m.Redirected() {
		return nil
	}
	if err := r.AddPorts([]firewall.Port{port(m)}); err != nil {
		return fmt.Errorf("redirecting %s/%s: %w", m.Host, m.Proto, err)
	}
	return nil
}

func (r redirections) RemovePorts(list []portmapper.Mapping) error {
	ports := make([]firewall.Port, 0, len(list))
	for _, m := range list {
		if m.Redirected() {
			ports = append(ports, port(m))
		}
	}
	if len(ports) == 0 {
		return nil
	}
	if err := r.Firewall.RemovePorts(ports); err != nil {
		return fmt.Errorf("ending the redirection of %d port(s): %w", len(ports), err)
	}
	return nil
}

func port(m portmapper.Mapping) firewall.Port {
	return firewall.Port{Bridge: m.Network, Proto: m.Proto, Host: m.Host, Container: m.Container}
}

// hold binds a host port: by a proxy that serves it, or just so.
func (d *Driver) hold(m portmapper.Mapping) (io.Closer, error) {
	switch {
	case m.Proto == "sctp":
		return nil, nil // only the kernel serves it
	case d.cfg.UserlandProxy:
		return userlandproxy.Listen(m.Proto, m.Host, m.Container)
	}
	return userlandproxy.Reserve(m.Proto, m.Host)
}

// Settle refuses options that cannot work and names that are taken.
func (d *Driver) Settle(def *networkdriver.Definition) error {
	s, err := d.settings(networkdriver.Spec{Definition: *def})
	if err != nil {
		return err
	}
	d.mu.Lock()
	other := d.open[s.bridge]
	d.mu.Unlock()
	if other != nil {
		return errdefs.Conflict("cannot create network %s (%s): conflicts with network %s (%s): networks have same bridge name",
			def.ID, s.bridge, other.id, s.bridge)
	}
	return nil
}

// dropInherited ends the redirections of a predecessor that nobody has claimed.
// It is called when a new container comes: those that were running have been
// restored by then, and no stale redirection must lead to the newcomer.
func (d *Driver) dropInherited() (err error) {
	d.inherit.Do(func() { err = d.firewall.DropInherited() })
	return err
}

// Close ends what the networks shared. The rules stay when a network that is
// closed already left them for its containers.
func (d *Driver) Close(context.Context) error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	used := len(d.open) > 0
	d.mu.Unlock()
	d.stop()
	errs := []error{d.mapper.Close()}
	d.tasks.Wait()
	if !used {
		errs = append(errs, d.firewall.Remove())
	}
	return errors.Join(append(errs, d.firewall.Close(), d.host.Close())...)
}
