//go:build linux

package firewall

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// namespace runs f in a network namespace of its own.
func namespace(t *testing.T, f func() error) {
	t.Helper()
	testutil.RequiresRoot(t)
	ns, err := netns.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	if err := netns.Do(ns, f); err != nil {
		t.Fatal(err)
	}
}

// run runs a command in the namespace of the thread.
func run(command string) error {
	out, err := exec.Command("/bin/sh", "-c", command).CombinedOutput() //nolint:gosec // commands of this file
	if err != nil {
		return errors.New(command + ": " + string(out))
	}
	return nil
}

// rules is what iptables-save and its sister say, without counters.
func rules(b *iptables) string {
	var text strings.Builder
	for _, f := range b.families {
		out, err := f.run("", f.save)
		if err != nil {
			return err.Error()
		}
		for line := range strings.Lines(out) {
			if line, _, _ = strings.Cut(line, " ["); !strings.HasPrefix(line, "#") {
				text.WriteString(strings.TrimRight(line, "\n") + "\n")
			}
		}
	}
	return text.String()
}

// TestHalfAChange: when the second family cannot be written, the first is put
// back.
func TestHalfAChange(t *testing.T) {
	for _, variant := range []string{IPTablesNFT, IPTablesLegacy} {
		namespace(t, func() error {
			b, err := openIPTables(variant, "enginejobs-br0", true)
			if err != nil {
				t.Skip(err)
			}
			defer func() { _ = b.close() }()
			s := newState()
			s.networks["br0"] = net(0)
			if err := b.write(&s); err != nil {
				return err
			}
			right, good := rules(b), b.families[1].restore
			port := tcp(0, "127.0.0.1:8001", "10.0.0.2:80")
			port6 := tcp(0, "[::]:8001", "[fd00::2]:80")
			next := newState()
			next.networks["br0"], next.networks["br1"] = net(0), net(1)
			next.ports[port.slot()], next.ports[port6.slot()] = port, port6
			b.families[1].restore = "/bin/false"
			for name, step := range map[string]func() error{
				"apply": func() error { return b.apply(nil, &next) }, "write": func() error { return b.write(&next) }, "remove": b.remove,
			} {
				if step() == nil {
					t.Errorf("%s: %s: succeeded without ip6tables-restore", variant, name)
				}
				if now := rules(b); now != right {
					t.Errorf("%s: %s: want:\n%s\ngot:\n%s", variant, name, right, now)
				}
			}
			b.families[1].restore = good
			if err := b.apply(nil, &next); err != nil {
				return err
			}
			if same, err := b.verify(&next); !same || err != nil {
				t.Errorf("%s: %v, %v\n%s", variant, same, err, rules(b))
			}
			return b.remove()
		})
	}
}

// TestUserChain: the chain of the administrator is passed first, is made when
// it is missing, and goes only when it was ours and is empty.
func TestUserChain(t *testing.T) {
	namespace(t, func() error {
		b, err := openIPTables(IPTablesNFT, "enginejobs-br0", false)
		if err != nil {
			t.Skip(err)
		}
		defer func() { _ = b.close() }()
		s := newState()
		s.networks["br0"] = net(0)
		if err := b.write(&s); err != nil {
			return err
		}
		if err := b.remove(); err != nil {
			return err
		}
		if now := rules(b); strings.Contains(now, userChain) {
			t.Errorf("the chain stays:\n%s", now)
		}
		if err := b.write(&s); err != nil {
			return err
		}
		if err := run("iptables-nft -A DOCKER-USER -s 192.0.2.9 -j DROP"); err != nil {
			return err
		}
		if err := b.write(&s); err != nil { // as a successor does
			return err
		}
		if same, err := b.verify(&s); !same || err != nil {
			t.Errorf("%v, %v", same, err)
		}
		if err := b.remove(); err != nil {
			return err
		}
		if now := rules(b); !strings.Contains(now, "-A DOCKER-USER -s 192.0.2.9/32 -j DROP\n") {
			t.Errorf("the rule of the administrator went:\n%s", now)
		}
		return nil
	})
}

// TestChoose: the variant that has all the rules is used.
func TestChoose(t *testing.T) {
	for variant, want := range map[string]string{"": "", "-legacy": "-legacy", "-nft": ""} {
		namespace(t, func() error {
			if _, err := find("", "-legacy"); err != nil {
				t.Skip(err)
			}
			if usual, err := find("", ""); err != nil || exec.Command("/bin/sh", "-c", usual.restore+" --version | grep -q nf_tables").Run() != nil {
				t.Skip("the default of this host is not the variant for nftables")
			}
			if variant != "" {
				if err := run("iptables" + variant + " -A INPUT -p tcp --dport 99 -j DROP"); err != nil {
					return err
				}
			}
			if got := choose(); got != want {
				t.Errorf("rules with %q: chose %q, want %q", variant, got, want)
			}
			return nil
		})
	}
}

// TestMissingPrograms says what to install.
func TestMissingPrograms(t *testing.T) {
	testutil.RequiresRoot(t)
	_, err := find("", "-that-does-not-exist")
	if !errdefs.Is(err, errdefs.KindUnavailable) || !strings.Contains(err.Error(), "install the package iptables") {
		t.Error(err)
	}
}

// TestObstacles: whoever drops what we accept is named, with a remedy.
func TestObstacles(t *testing.T) {
	for _, tc := range []struct{ command, remedied, name, remedy string }{
		{"iptables-nft -P FORWARD DROP", "iptables-nft -I FORWARD -i br1 -j ACCEPT", `nftables chain "filter FORWARD"`, "iptables -I FORWARD -i br1 -j ACCEPT"},
		{"iptables-legacy -P FORWARD DROP", "iptables-legacy -I FORWARD -i br1 -j ACCEPT", "iptables-legacy", "iptables-legacy -I FORWARD -i br1"},
		{`nft add table inet firewalld; nft add chain inet firewalld filter_FORWARD '{ type filter hook forward priority 10; }'
			nft add rule inet firewalld filter_FORWARD ct state established accept; nft add rule inet firewalld filter_FORWARD counter reject`,
			`nft insert rule inet firewalld filter_FORWARD iifname br1 accept`, `"firewalld filter_FORWARD"`, "firewall-cmd --permanent --zone=trusted --add-interface=br1"},
		{`nft add table ip theirs; nft add chain ip theirs f '{ type filter hook forward priority 0; policy accept; }'; nft add rule ip theirs f counter drop`,
			`nft insert rule ip theirs f oifname br1 accept`, `"theirs f"`, "interface br1"},
		{`nft add table ip theirs; nft add chain ip theirs f '{ type filter hook forward priority 0; policy accept; }'; nft add rule ip theirs f ip saddr 192.0.2.1 drop`, "", "", ""},
	} {
		namespace(t, func() error {
			if err := run(tc.command); err != nil {
				t.Skip(err)
			}
			var said []string
			warn := func(format string, args ...any) { said = append(said, strings.TrimSpace(format+" "+args[0].(string))) }
			open := func() {
				t.Helper()
				said = nil
				f, err := Open(Options{Name: "enginejobs-br0", Backend: NFTables, IPv6: true, Warn: warn}, []Network{net(1), net(5)})
				if err != nil {
					t.Fatal(err)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
			open()
			switch text := strings.Join(said, "\n"); {
			case tc.name == "" && text != "":
				t.Errorf("%s: %s", tc.command, text)
			case !strings.Contains(text, tc.name) || !strings.Contains(text, tc.remedy):
				t.Errorf("%s: %q", tc.command, text)
			}
			if tc.remedied == "" {
				return nil
			}
			if err := run(tc.remedied); err != nil {
				return err
			}
			if open(); len(said) != 0 {
				t.Errorf("after %s: %q", tc.remedied, said)
			}
			return nil
		})
	}
}

// TestOpenChooses: nftables where it is, and an unknown backend is refused.
func TestOpenChooses(t *testing.T) {
	namespace(t, func() error {
		f, err := Open(Options{Name: "e"}, []Network{{Bridge: "br0"}})
		if err != nil {
			return err
		}
		if f.Backend() != NFTables {
			t.Error(f.Backend())
		}
		for _, name := range []string{"", "a b", "-x", "a\"", strings.Repeat("x", 500)} {
			if _, err := Open(Options{Name: name}, nil); !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, err := Open(Options{Name: "e", Backend: "ipchains"}, nil); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Error(err)
		}
		if err := f.AddNetwork(net(0)); !errdefs.Is(err, errdefs.KindInvalidArgument) { // IPv6 was not asked for
			t.Error(err)
		}
		return errors.Join(f.Remove(), f.Close(), f.Close())
	})
}

// TestBrokenPrograms: what a program complains about is in the error.
func TestBrokenPrograms(t *testing.T) {
	namespace(t, func() error {
		dir := t.TempDir()
		broken := filepath.Join(dir, "restore")
		if err := os.WriteFile(broken, []byte("#!/bin/sh\necho it is broken >&2\nexit 3\n"), 0o755); err != nil {
			return err
		}
		b, err := openIPTables(IPTablesNFT, "e", false)
		if err != nil {
			t.Skip(err)
		}
		b.families[0].restore = broken
		s := newState()
		if err := b.write(&s); err == nil || !strings.Contains(err.Error(), "it is broken") {
			t.Error(err)
		}
		return b.close()
	})
}
