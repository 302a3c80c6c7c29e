//go:build linux

package firewall

import (
	"errors"

	"github.com/enginejobs/docker/errdefs"
)

// open chooses the backend and writes what is known.
func (f *Firewall) open() error {
	var err error
	switch f.opts.Backend {
	case None:
		f.backend = none{}
		return nil
	case NFTables:
		return f.use(openNFTables(f.opts.Name, f.opts.IPv6))
	case IPTables, IPTablesNFT, IPTablesLegacy:
		return f.use(openIPTables(f.opts.Backend, f.opts.Name, f.opts.IPv6))
	case "":
	default:
		return errdefs.InvalidArgument("unknown firewall backend %q: want %s, %s or %s", f.opts.Backend, NFTables, IPTables, None)
	}
	if err = f.use(openNFTables(f.opts.Name, f.opts.IPv6)); err == nil {
		return nil
	}
	if again := f.use(openIPTables(IPTables, f.opts.Name, f.opts.IPv6)); again != nil {
		return errdefs.Unavailable("no packet filter can be used: %w", errors.Join(err, again))
	}
	f.opts.Warn("%v; rules are written with %s", err, f.backend.name())
	return nil
}

// use writes what is known with a backend. It takes over the redirections of a
// predecessor, so that published ports go on working.
func (f *Firewall) use(b backend, err error) error {
	if err != nil {
		return err
	}
	old, err := b.inherited()
	if err != nil {
		f.opts.Warn("published ports are unreachable until their containers are restored: %v", err)
	}
	f.state.inherited = make(map[slot]Port, len(old))
	for _, p := range old {
		if f.validPort(p) != nil {
			continue
		}
		n, _ := f.state.network(p.Container.Addr())
		if n.Internal {
			continue
		}
		p.Bridge = n.Bridge
		f.state.inherited[p.slot()] = p
	}
	if err := b.write(&f.state); err != nil {
		return errors.Join(errdefs.As(errdefs.KindUnavailable, err), b.close())
	}
	f.backend = b
	f.warn()
	return nil
}

// warn tells what drops packets of the known networks although we accept them.
func (f *Firewall) warn() {
	var names []string
	for _, n := range f.state.bridges() {
		if !n.Internal {
			names = append(names, n.Bridge)
		}
	}
	if len(names) == 0 {
		return
	}
	for _, text := range f.backend.others(names, true) {
		f.opts.Warn("%s", text)
	}
}
