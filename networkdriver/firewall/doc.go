// Package firewall writes the packet filter rules of all bridges of an engine:
// containers get out, what is published gets in, and nothing else does.
//
// It expects of a bridge, whose driver sets it up: route_localnet (a process of
// the host reaches published ports by 127.0.0.1); hairpin mode of its ports
// unless it is Proxied; of an Isolated one isolated ports, proxy_arp_pvlan and
// no send_redirects for IPv4, and for IPv6 proxy_ndp, neigh/proxy_delay 0,
// ndisc_evict_nocarrier 0 and an entry for each container among the neighbours
// that the host answers for. An isolated bridge should be Proxied where
// bridge-nf-call-iptables is on: frames that are redirected there never leave
// the bridge, and isolated ports drop them.
//
// Rules of the administrator: with iptables in the chain DOCKER-USER, which is
// passed first; with nftables in any table of their own, where a chain at the
// hook forward may drop what it likes.
//
// A Firewall owns the rules under its name and the list of what should be in
// them, so that it can write them anew when somebody has flushed them. It owns
// no bridge and no address. Start reading at Open in firewall.go; state.go is
// what should be there, backend.go what writes it. It must not be imported by
// anything but network drivers, and knows no containers, only addresses.
package firewall
