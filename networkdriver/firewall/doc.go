// Package firewall writes the packet filter rules of all bridges of an engine:
// containers get out, what is published gets in, and nothing else does.
//
// A Firewall owns the rules under its name and the list of what should be in
// them, so that it can write them anew when somebody has flushed them. It owns
// no bridge and no address. Start reading at Open in firewall.go; state.go is
// what should be there, backend.go what writes it. It must not be imported by
// anything but network drivers, and knows no containers, only addresses.
package firewall
