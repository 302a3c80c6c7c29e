//go:build linux

package firewall

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/enginejobs/docker/pkg/nft"
)

// obstacles names chains of other programs that drop forwarded packets of
// bridges which they do not mention. A packet must pass the tables of
// everybody, and those of others are not ours to change: for the administrator
// it is one command.
func obstacles(conn *nft.Conn, bridges []string, families []nft.Family, ours string) (list []string) {
	seen := make(map[string]bool) // chains of both families
	for _, family := range families {
		chains, err := conn.Refusing(family, nft.Forward, ours)
		if err != nil {
			list = append(list, fmt.Sprintf("looking for chains that drop forwarded packets: %v", err))
		}
		for _, c := range chains {
			if seen[c.Table.Name+" "+c.Name] {
				continue
			}
			if left := unmentioned(conn, c.Table, bridges); len(left) > 0 {
				seen[c.Table.Name+" "+c.Name] = true
				list = append(list, obstacle(fmt.Sprintf("nftables chain %q", c.Table.Name+" "+c.Name), c.Table.Name, left))
			}
		}
	}
	return list
}

// unmentioned are the bridges that no rule of a table is about.
func unmentioned(conn *nft.Conn, t nft.Table, bridges []string) (left []string) {
	mentioned, err := conn.Mentioned(t, bridges)
	if err != nil {
		return bridges
	}
	for i, name := range bridges {
		if !mentioned[i] {
			left = append(left, name)
		}
	}
	return left
}

// obstacle says what drops packets and what to do about it.
func obstacle(chain, table string, bridges []string) string {
	first, named := bridges[0], bridges[0]
	if len(bridges) > 1 {
		named = fmt.Sprintf("%s and %d more", first, len(bridges)-1)
	}
	text := fmt.Sprintf("%s of another program drops forwarded packets by default: containers on %s reach the outside only if it lets them through, ", chain, named)
	switch table {
	case "firewalld":
		return text + fmt.Sprintf("for example by: firewall-cmd --permanent --zone=trusted --add-interface=%s; firewall-cmd --reload", first)
	case "filter":
		return text + fmt.Sprintf("for example by: iptables -I FORWARD -i %s -j ACCEPT; iptables -I FORWARD -o %s -j ACCEPT", first, first)
	}
	return text + fmt.Sprintf("by a rule there that accepts what comes from and goes to interface %s", first)
}

// legacyObstacle looks at ip_tables, the older part of the kernel that nftables
// does not show. It runs a program only where somebody uses that part.
func legacyObstacle(bridges []string) []string {
	if !usesLegacy() {
		return nil
	}
	program, err := exec.LookPath("iptables-legacy")
	if err != nil {
		return nil
	}
	rules, err := exec.Command(program, "-w", "-S").Output()
	if err != nil || !strings.Contains(string(rules), "-P FORWARD DROP\n") {
		return nil
	}
	var left []string
	for _, name := range bridges {
		if !strings.Contains(string(rules), " "+name+" ") {
			left = append(left, name)
		}
	}
	if len(left) == 0 {
		return nil
	}
	text := obstacle("iptables-legacy chain \"filter FORWARD\"", "filter", left)
	return []string{strings.ReplaceAll(text, "iptables -I", "iptables-legacy -I")}
}

// usesLegacy tells whether somebody has filled the filter table of ip_tables
// in this network namespace.
func usesLegacy() bool {
	names, err := os.ReadFile("/proc/thread-self/net/ip_tables_names")
	return err == nil && strings.Contains("\n"+string(names), "\nfilter\n")
}

func (b *nftables) others(bridges []string, everywhere bool) (list []string) {
	families := make([]nft.Family, 0, len(b.tables))
	for _, t := range b.tables {
		families = append(families, t.Family)
	}
	list = obstacles(b.conn, bridges, families, b.tables[0].Name)
	if everywhere {
		list = append(list, legacyObstacle(bridges)...)
	}
	return list
}
