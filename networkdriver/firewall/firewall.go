//go:build linux

package firewall

import (
	"context"
	"net/netip"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// Network is one bridge and what may pass there.
type Network struct {
	Bridge     string         // name of the interface, the key
	Subnets    []netip.Prefix // of both families
	Masquerade bool           // hide containers behind the host's addresses
	SNAT       []netip.Addr   // at most one of each family: what Masquerade hides them behind instead
	Isolated   bool           // containers talk to each other over links only
	Internal   bool           // nothing passes between it and other interfaces; its ports are not published
	// Proxied says that a userland proxy serves containers of this bridge that
	// reach for published ports of this bridge; otherwise they are redirected
	// like all others, which hairpin mode of the bridge's ports makes possible.
	Proxied bool
}

// Port is one published port.
type Port struct {
	Bridge    string         // of the container
	Proto     string         // "tcp", "udp" or "sctp"
	Host      netip.AddrPort // unspecified address: all addresses of that family
	Container netip.AddrPort // of the same family
}

// Link is a way from one container to a port of another on an isolated network.
type Link struct {
	Bridge        string
	Parent, Child netip.Addr
	Proto         string
	Port          uint16 // of the child
}

// The names of backends. An empty name chooses: nftables, and iptables on a
// kernel without it.
const (
	NFTables       = "nftables"        // one table for each family, by netlink
	IPTables       = "iptables"        // the variant of the program that the host uses
	IPTablesNFT    = "iptables-nft"    // the variant that writes into nftables
	IPTablesLegacy = "iptables-legacy" // the variant that writes into ip_tables
	None           = "none"            // writes nothing
)

// Options say where rules are written.
type Options struct {
	Name    string               // of the tables, and what the names of chains begin with; unique among the engines of a host
	Backend string               // one of the names above
	IPv6    bool                 // write rules for IPv6, too, if this host can; otherwise its networks and ports are refused
	Warn    func(string, ...any) // told what the administrator should know; nil: nobody is told
}

// longestName is how many bytes Options.Name may have.
const longestName = 128

// Firewall owns the rules of all bridges of one engine. All methods may be
// called at the same time.
type Firewall struct {
	opts    Options
	backend backend

	// mu guards what follows, and is held while the kernel works, so that what
	// is noted and what is there change in the same order.
	mu     sync.Mutex
	state  state
	closed bool
}

// Open writes the rules of the known networks in one transaction, in place of
// those of a predecessor. Redirections of a predecessor stay, because its
// containers may be running on, until AddPorts claims them or DropInherited
// ends them. It fails with errdefs.KindUnavailable where rules cannot be
// written, and KindInvalidArgument for wrong options or networks.
func Open(opts Options, known []Network) (*Firewall, error) {
	if opts.Warn == nil {
		opts.Warn = func(string, ...any) {}
	}
	if len(opts.Name) > longestName || !plainWord(opts.Name) {
		return nil, errdefs.InvalidArgument("invalid name of a firewall: %q", opts.Name)
	}
	f := &Firewall{opts: opts, state: newState()}
	for _, n := range known {
		if err := f.valid(n); err != nil {
			return nil, err
		}
		f.state.networks[n.Bridge] = n.clone()
	}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

// Backend is the name of the backend in use.
func (f *Firewall) Backend() string { return f.backend.name() }

// AddNetwork lets the containers of a bridge pass. A network that is known by
// its bridge is replaced; its ports and links stay.
func (f *Firewall) AddNetwork(n Network) error {
	if err := f.valid(n); err != nil {
		return err
	}
	f.mu.Lock()
	changed, err := f.addNetwork(n.clone())
	var obstacles []string
	if changed && !n.Internal {
		obstacles = f.backend.others([]string{n.Bridge}, false)
	}
	f.mu.Unlock()
	for _, text := range obstacles {
		f.opts.Warn("%s", text)
	}
	return err
}

// RemoveNetwork ends what AddNetwork did, with all ports and links of the
// bridge. One that is not known is no error.
func (f *Firewall) RemoveNetwork(bridge string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.removeNetwork(bridge)
}

// AddPorts redirects published ports, all in one transaction or none. A port
// that is redirected already to the same container is fine, one that leads
// elsewhere is an errdefs.KindConflict; KindNotFound: no such network. Ports of
// internal networks are not redirected, which is no error.
func (f *Firewall) AddPorts(list []Port) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addPorts(list)
}

// RemovePorts ends redirections in one transaction. Ports that are not
// redirected are no error.
func (f *Firewall) RemovePorts(list []Port) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.removePorts(list)
}

// AddLinks opens ways between containers of isolated networks in one
// transaction. They are counted: what is opened twice is closed by the second
// RemoveLinks. Where containers may talk anyway nothing happens.
func (f *Firewall) AddLinks(list []Link) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addLinks(list)
}

// RemoveLinks closes ways in one transaction. Those that are not open are no
// error. Connections that are established live on.
func (f *Firewall) RemoveLinks(list []Link) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.removeLinks(list)
}

// DropAddress closes all ways from and to an address, however often they were
// opened: its container is gone.
func (f *Firewall) DropAddress(bridge string, ip netip.Addr) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dropAddress(bridge, ip)
}

// DropInherited ends the redirections of a predecessor that no AddPorts has
// claimed. It is called when all containers that run have been found, and no
// later than when a new one comes: a stale redirection must not lead to it.
func (f *Firewall) DropInherited() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dropInherited()
}

// Check compares what is in the kernel with what should be there, and writes
// it anew when it differs. With nothing changed by anybody it costs a question
// (nftables) or reading the rules (iptables).
func (f *Firewall) Check(ctx context.Context) (repaired bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	same, err := f.backend.verify(&f.state)
	if err != nil || same {
		return false, err
	}
	if err := f.backend.write(&f.state); err != nil {
		return false, err
	}
	return true, nil
}

// Remove deletes all rules of this firewall and nothing else. What is noted is
// forgotten, too.
func (f *Firewall) Remove() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = newState()
	return f.backend.remove()
}

// Close gives sockets back. Rules stay: containers may be running. The second
// time it does nothing.
func (f *Firewall) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	return f.backend.close()
}
