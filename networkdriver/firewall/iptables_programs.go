//go:build linux

package firewall

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/netns"
)

// programs run for one family, in the network namespace that they were found in.
type programs struct {
	ns            *os.File
	save, restore string // paths
}

// patience is how long the lock of ip_tables, which all programs share, is
// waited for.
const patience = 10 * time.Second

// find looks for the programs of a variant ("", "-nft" or "-legacy"). The PATH
// of a daemon may lack the directories of the administrator.
func find(family, variant string) (p programs, err error) {
	if p.save, err = look("ip" + family + "tables" + variant + "-save"); err == nil {
		p.restore, err = look("ip" + family + "tables" + variant + "-restore")
	}
	return p, err
}

func look(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path, again := exec.LookPath(filepath.Join(dir, name)); again == nil {
			return path, nil
		}
	}
	return "", errdefs.Unavailable("%s was not found: install the package iptables, or let rules be written with nftables: %w", name, err)
}

// choose finds the variant that the host uses. Its default is right, unless
// all the rules are with the other one: a packet meets both, but a program that
// is asked for rules shows those of one only.
func choose() string {
	usual, err := find("", "")
	if err != nil {
		if _, err := find("", "-nft"); err == nil {
			return "-nft"
		}
		return "-legacy" // or it is missing, which will be said
	}
	version, err := exec.Command(usual.restore, "--version").Output()
	if err != nil {
		return ""
	}
	this, other := "-nft", "-legacy"
	if strings.Contains(string(version), "legacy") {
		this, other = other, this
	}
	if other == "-legacy" && !usesLegacy() {
		return "" // asking would load it
	}
	if !hasRules(this) && hasRules(other) {
		return other
	}
	return ""
}

// hasRules tells whether somebody has written rules with a variant.
func hasRules(variant string) bool {
	p, err := find("", variant)
	if err != nil {
		return false
	}
	text, err := exec.Command(p.save).Output()
	return err == nil && bytes.Contains(text, []byte("\n-A "))
}

// read gives all rules of the family.
func (p programs) read() (saved, error) {
	text, err := p.run("", p.save)
	if err != nil {
		return nil, err
	}
	return parseSaved(text), nil
}

// commit changes rules. Each table changes as a whole or not at all.
func (p programs) commit(input string) error {
	_, err := p.run(input, p.restore, "--noflush", "-w", strconv.Itoa(int(patience/time.Second)))
	return err
}

func (p programs) run(input string, args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &complaint
	// What a killed engine was about to change its successor need not expect.
	// (The thread that this is bound to waits below.)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := netns.Do(p.ns, cmd.Run); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, firstLines(complaint.String()))
	}
	return out.String(), nil
}

// firstLines shortens what a program complains about.
func firstLines(text string) string {
	const enough = 400
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > enough {
		text = text[:enough] + "…"
	}
	return text
}
