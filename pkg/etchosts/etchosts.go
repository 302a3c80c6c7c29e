// Package etchosts writes and edits the hosts file that a container sees. It
// owns no state: a file is built once at start from a list of entries, and an
// alias is given a new address in place when a linked container comes back
// with another one. Start reading at Build. It is domain-free and imports
// nothing of this module but pkg/rewrite.
package etchosts

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"github.com/enginejobs/docker/pkg/rewrite"
)

// Entry is one line: an address and the names it answers to.
type Entry struct {
	IP    string
	Names []string
}

// fixed are the lines that every container has, in the classic order.
const fixed = `127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
ff00::0	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
`

// Self is the entry of the container itself. An empty ip (no network of its
// own) gives an entry that Build leaves out.
func Self(ip, hostname, domain string) Entry {
	if ip == "" || hostname == "" {
		return Entry{}
	}
	if domain != "" {
		return Entry{IP: ip, Names: []string{hostname + "." + domain, hostname}}
	}
	return Entry{IP: ip, Names: []string{hostname}}
}

// Build makes the file: the container's own line first, then the fixed lines,
// then the others in the order given (links, then extra hosts). Entries
// without an address or without names are left out.
func Build(self Entry, others ...Entry) []byte {
	var b bytes.Buffer
	self.write(&b)
	b.WriteString(fixed)
	for _, e := range others {
		e.write(&b)
	}
	return b.Bytes()
}

func (e Entry) write(b *bytes.Buffer) {
	if e.IP == "" || len(e.Names) == 0 {
		return
	}
	fmt.Fprintf(b, "%s\t%s\n", e.IP, strings.Join(e.Names, " "))
}

// ParseExtra reads one extra host, "name:address". The address may be IPv6,
// with or without brackets; "host-gateway" is handed to gateway, the address
// under which the container reaches its host.
func ParseExtra(spec, gateway string) (Entry, error) {
	name, ip, ok := strings.Cut(spec, ":")
	if !ok {
		name, ip, ok = strings.Cut(spec, "=")
	}
	if !ok || name == "" || strings.ContainsAny(name, " \t\r\n#") {
		return Entry{}, fmt.Errorf("bad format for add-host: %q: want name:ip", spec)
	}
	if ip == "host-gateway" {
		if gateway == "" {
			return Entry{}, fmt.Errorf("add-host %q: this container has no gateway for host-gateway", spec)
		}
		ip = gateway
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(ip, "["), "]"))
	if err != nil {
		return Entry{}, fmt.Errorf("invalid IP address in add-host: %q", ip)
	}
	return Entry{IP: addr.String(), Names: []string{name}}, nil
}

// Replace gives the alias a new address in text. Lines that name exactly this
// alias as their only name change; lines that merely begin like it, comments
// and all other lines stay byte for byte.
func Replace(text []byte, alias, ip string) []byte {
	var b bytes.Buffer
	for line := range bytes.Lines(text) {
		body := bytes.TrimRight(line, "\r\n")
		fields := strings.Fields(string(body))
		if len(fields) == 2 && fields[1] == alias && !strings.HasPrefix(fields[0], "#") {
			fmt.Fprintf(&b, "%s\t%s%s", ip, alias, line[len(body):])
			continue
		}
		b.Write(line)
	}
	return b.Bytes()
}

// Update does Replace on a file that may be bind mounted in a running
// container: the inode stays.
func Update(path, alias, ip string) error {
	if _, err := netip.ParseAddr(ip); err != nil {
		return fmt.Errorf("updating %s in %s: invalid IP address %q", alias, path, ip)
	}
	return rewrite.InPlace(path, func(old []byte) []byte { return Replace(old, alias, ip) })
}
