package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/pkg/netns"
)

// netHost is a host of a test network: a network namespace with an empty
// firewall, where a daemon finds nothing but what the test has put there.
type netHost struct {
	t    testing.TB
	name string
	ns   *os.File
}

// newNetHost makes a host that forwards already, so that nothing a daemon does to
// the settings of interfaces is hidden behind what forwarding does.
func newNetHost(t testing.TB, name string) *netHost {
	t.Helper()
	daemonproc.Require(t)
	ns, err := netns.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &netHost{t, name, ns}
	t.Cleanup(func() { ns.Close() })
	h.must("ip", "link", "set", "lo", "up")
	h.sysctl("net/ipv4/ip_forward", "1")
	h.sysctl("net/ipv6/conf/all/forwarding", "1")
	return h
}

// path names the namespace for programs.
func (h *netHost) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), h.ns.Fd()) }

// do runs f on the host.
func (h *netHost) do(f func() error) {
	h.t.Helper()
	if err := netns.Do(h.ns, f); err != nil {
		h.t.Fatalf("on host %s: %v", h.name, err)
	}
}

// run runs a program on the host and gives what it wrote.
func (h *netHost) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var out []byte
	err := netns.Do(h.ns, func() (err error) {
		out, err = exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
		return err
	})
	if err != nil {
		err = fmt.Errorf("host %s: %s: %w: %s", h.name, strings.Join(args, " "), err, out)
	}
	return string(out), err
}

func (h *netHost) must(args ...string) string {
	h.t.Helper()
	out, err := h.run(args...)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func (h *netHost) sysctl(name, value string) {
	h.t.Helper()
	h.do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0) })
}

// daemon starts a daemon on the host, with a bridge of its own making.
func (h *netHost) daemon(bridge string, args ...string) *daemonproc.Daemon {
	h.t.Helper()
	d, err := daemonproc.New(daemonproc.Options{NoBridge: true, Args: append([]string{"-b", bridge}, args...)})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if h.t.Failed() {
			h.t.Logf("host %s, daemon log:\n%s", h.name, d.Log(8000))
		}
		if err := netns.Do(h.ns, d.Close); err != nil {
			h.t.Errorf("closing the daemon: %v", err)
		}
	})
	h.do(d.Start)
	if err := d.ImportBusybox(); err != nil {
		h.t.Fatal(err)
	}
	return d
}

// state is all that a daemon can change in the network of a host, as text.
func (h *netHost) state() string {
	h.t.Helper()
	var b strings.Builder
	for _, args := range [][]string{
		{"ip", "-o", "link"}, {"ip", "-o", "addr"}, {"ip", "route", "show", "table", "all"}, {"ip", "-6", "route", "show", "table", "all"},
		{"ip", "rule"}, {"ip", "-6", "rule"}, {"nft", "-s", "list", "ruleset"}, {"ip", "netns", "list-id"},
		{"iptables-legacy-save"}, {"ip6tables-legacy-save"},
	} {
		out, err := h.run(args...)
		if errors.Is(err, exec.ErrNotFound) {
			continue
		}
		if err != nil {
			h.t.Fatal(err)
		}
		fmt.Fprintf(&b, "# %s\n%s", strings.Join(args, " "), uncommented(out))
	}
	h.do(func() error { return sysctls(&b) })
	return b.String()
}

// uncommented leaves out what holds the time of day.
func uncommented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// sysctls writes down the settings of interfaces and neighbours.
func sysctls(b *strings.Builder) error {
	for _, dir := range []string{"ipv4/conf", "ipv6/conf", "ipv4/neigh", "ipv6/neigh"} {
		err := filepath.WalkDir("/proc/sys/net/"+dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, unix.EIO) && !errors.Is(err, unix.EINVAL) {
				return err
			}
			fmt.Fprintf(b, "%s = %s\n", path, strings.TrimSpace(string(text)))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// changes lists the lines that only one of two texts has.
func changes(before, after string) (list []string) {
	count := map[string]int{}
	for line := range strings.Lines(before) {
		count[line]--
	}
	for line := range strings.Lines(after) {
		count[line]++
	}
	for line, n := range count {
		switch {
		case n > 0:
			list = append(list, "+ "+strings.TrimSpace(line))
		case n < 0:
			list = append(list, "- "+strings.TrimSpace(line))
		}
	}
	return list
}
