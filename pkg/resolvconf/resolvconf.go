// Package resolvconf makes the resolv.conf that a container sees from the
// host's one and the wishes of its user. It owns no state. Start reading at
// Build; ReadHost finds the host's file. It is domain-free and imports nothing
// of this module but pkg/rewrite.
package resolvconf

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/enginejobs/docker/pkg/rewrite"
)

// Where hosts keep the file. Where systemd-resolved is used, HostPath names
// only a stub on the loopback address, which no container can reach, and
// SystemdPath has the real servers.
const (
	HostPath    = "/etc/resolv.conf"
	SystemdPath = "/run/systemd/resolve/resolv.conf"
)

// The servers a container gets when the host has none that it could reach.
var (
	fallback4 = []string{"8.8.8.8", "8.8.4.4"}
	fallback6 = []string{"2001:4860:4860::8888", "2001:4860:4860::8844"}
)

// Conf is what a resolv.conf says.
type Conf struct {
	Nameservers []string
	Search      []string
	Options     []string
}

// Wish is what the user asked for; empty lists mean "as the host". A search
// list of exactly "." means none at all. IPv6 tells that the container can
// reach IPv6 servers.
type Wish struct {
	DNS     []string
	Search  []string
	Options []string
	IPv6    bool
}

// Parse reads a resolv.conf the way the C library does: the last search or
// domain line counts, nameservers and options add up.
func Parse(text []byte) Conf {
	var c Conf
	for line := range bytes.Lines(text) {
		f := fields(line)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			c.Nameservers = append(c.Nameservers, f[1])
		case "search", "domain":
			c.Search = f[1:]
		case "options":
			c.Options = append(c.Options, f[1:]...)
		}
	}
	return c
}

// fields splits a line and drops a comment, whole or trailing.
func fields(line []byte) []string {
	f := strings.Fields(string(line))
	for i, w := range f {
		if strings.HasPrefix(w, "#") || strings.HasPrefix(w, ";") {
			return f[:i]
		}
	}
	return f
}

// Build makes the container's file from the host's text. Without any wish it
// is a copy of the host's, minus the nameservers that the container cannot
// reach; with one, it is written anew and what is not wished comes from the
// host. If no nameserver remains, well-known public ones are put in.
func Build(host []byte, w Wish) []byte {
	if len(w.DNS) == 0 && len(w.Search) == 0 && len(w.Options) == 0 {
		return filter(host, w.IPv6)
	}
	c := Parse(filter(host, w.IPv6))
	if len(w.DNS) > 0 {
		c.Nameservers = w.DNS
	}
	if len(w.Search) > 0 {
		c.Search = w.Search
	}
	if len(w.Options) > 0 {
		c.Options = w.Options
	}
	return c.Bytes()
}

// Bytes writes the file: nameservers first, then search, then options.
func (c Conf) Bytes() []byte {
	var b bytes.Buffer
	for _, s := range c.Nameservers {
		b.WriteString("nameserver " + s + "\n")
	}
	if len(c.Search) > 0 && !slices.Equal(c.Search, []string{"."}) {
		b.WriteString("search " + strings.Join(c.Search, " ") + "\n")
	}
	if len(c.Options) > 0 {
		b.WriteString("options " + strings.Join(c.Options, " ") + "\n")
	}
	return b.Bytes()
}

// filter copies text without the nameserver lines that a container cannot use.
func filter(text []byte, ipv6 bool) []byte {
	var b bytes.Buffer
	left := 0
	for line := range bytes.Lines(text) {
		if f := fields(line); len(f) >= 2 && f[0] == "nameserver" {
			if !reachable(f[1], ipv6) {
				continue
			}
			left++
		}
		b.Write(line)
	}
	if left > 0 {
		return b.Bytes()
	}
	if n := b.Len(); n > 0 && b.Bytes()[n-1] != '\n' {
		b.WriteByte('\n')
	}
	servers := fallback4
	if ipv6 {
		servers = slices.Concat(fallback4, fallback6)
	}
	b.Write(Conf{Nameservers: servers}.Bytes())
	return b.Bytes()
}

// reachable tells whether a container can ask the server: one on the loopback
// address of the host it cannot, and a link-local one only by interface names
// that mean nothing inside.
func reachable(server string, ipv6 bool) bool {
	addr, err := netip.ParseAddr(server)
	if err != nil || addr.Unmap().IsLoopback() || addr.IsUnspecified() {
		return false
	}
	return addr.Unmap().Is4() || ipv6 && addr.Zone() == ""
}

// ReadHost reads the host's file: primary (HostPath), or alternate
// (SystemdPath) when that exists and primary names nothing but loopback
// servers. A host without the file gives an empty text, not an error.
func ReadHost(primary, alternate string) ([]byte, error) {
	text, err := readIfThere(primary)
	if err != nil || hasRemote(text) {
		return text, err
	}
	if alt, err := readIfThere(alternate); err == nil && hasRemote(alt) {
		return alt, nil
	}
	return text, nil
}

func hasRemote(text []byte) bool {
	return slices.ContainsFunc(Parse(text).Nameservers, func(s string) bool { return reachable(s, true) })
}

func readIfThere(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// Update replaces the content of a file that may be bind mounted in a running
// container: the inode stays.
func Update(path string, text []byte) error {
	return rewrite.InPlace(path, func([]byte) []byte { return text })
}
