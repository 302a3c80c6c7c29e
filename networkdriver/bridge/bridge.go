//go:build linux

// Package bridge is the network driver of Linux hosts: containers hang on
// bridges by veth pairs; one firewall for all of them lets containers out, keeps
// others off and redirects published ports. Everything is done by netlink; no
// program is run but by the iptables back end.
//
// A Driver owns what its networks share: a netlink socket, the firewall, the
// host ports it gave away and the sockets that hold them, as goroutines of this
// process. A network owns: its bridge, if it created it (it says so in the
// alias of the interface); the addresses it gave away; a few namespaces with an
// interface that are kept ready. Rules and interfaces of other programs are
// never changed. Two drivers with different bridges do not see each other.
//
// What outlives the process: containers keep their interface, because their
// processes hold the namespace, and published ports keep working through the
// rules, which stay as long as a container does. Connections through the
// userland proxy end with the process; a new one serves them again after
// Restore. Interfaces are not deleted when a container ends: they vanish with
// their namespace, which the kernel clears up on its own time. The bridges of
// networks that users made stay until the network is deleted; the default one
// goes at shutdown when nobody is on it.
//
// Packets must pass the tables of all programs: where another one drops what is
// forwarded (the iptables chain FORWARD of another engine), our accepting it
// does not help. Opening the driver warns of such chains; it is for the
// administrator to let the bridges through. net.ipv4.ip_forward is switched on
// and stays on, because nobody can tell who else has come to need it.
//
// Where containers may not talk to each other, their bridge ports are isolated:
// no frame goes from one to another, whatever its protocol. The host answers
// for the others when they ask for their hardware addresses, so that packets
// between linked containers pass its rules.
//
// Locks: Network.mu and grant.mu guard maps and fields only, never I/O.
//
// Start reading at New in driver.go, then Open in network.go. It must not
// import the daemon, and knows containers by their id only.
package bridge

import (
	"context"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/netjobs"
)

// Install declares the network jobs.
func Install(eng *engine.Engine) error { return netjobs.Install(eng, Kind{}) }

// Kind makes the driver, for the manager of networks.
type Kind struct{}

// Default is the network of containers that ask for none: that of the bridge
// which is there, or one whose address is chosen around the host's.
func (Kind) Default(_ context.Context, cfg networkdriver.Config, warn networkdriver.Warn) (networkdriver.Definition, error) {
	return defaultNetwork(cfg, warn)
}

// New makes the driver. known are the networks that are there already.
func (Kind) New(ctx context.Context, cfg networkdriver.Config, known []networkdriver.Spec, warn networkdriver.Warn) (networkdriver.Driver, error) {
	return New(ctx, cfg, known, warn)
}
