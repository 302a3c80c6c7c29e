//go:build linux

package firewall_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/networkdriver/firewall/firewalltest"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// doomedBackend tells the test binary to play an engine that will be killed.
const doomedBackend = "FIREWALL_TEST_DOOMED_BACKEND"

// TestDoomed plays it: it changes one thing after the other for ever.
func TestDoomed(t *testing.T) {
	backend := os.Getenv(doomedBackend)
	if backend == "" {
		t.Skip("is for TestKilled")
	}
	known := firewalltest.Networks(8)
	f, err := firewall.Open(firewall.Options{Name: firewalltest.Name, Backend: backend, IPv6: true}, known[:4])
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready")
	for i := 0; ; i++ {
		n := known[i%8]
		port := firewall.Port{
			Bridge: known[i%4].Bridge, Proto: "tcp", Host: netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(8000+i%5)),
			Container: netip.AddrPortFrom(known[i%4].Subnets[0].Addr().Next(), 80),
		}
		err := errors.Join(f.AddPorts([]firewall.Port{port}), f.AddNetwork(n), f.RemovePorts([]firewall.Port{port}))
		if i%8 > 3 {
			err = errors.Join(err, f.RemoveNetwork(n.Bridge))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestKilled kills it again and again. Its successor finds whatever it left, and
// leaves nothing.
func TestKilled(t *testing.T) {
	testutil.RequiresRoot(t)
	t.Parallel()
	for _, backend := range []string{firewall.NFTables, firewall.IPTablesNFT, firewall.IPTablesLegacy} {
		t.Run(backend, func(t *testing.T) {
			needs(t, "nft", "iptables-nft-restore", "iptables-legacy-restore")
			ns, err := netns.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			defer ns.Close()
			in := func(f func() error) {
				t.Helper()
				if err := netns.Do(ns, f); err != nil {
					t.Fatal(err)
				}
			}
			for range 12 {
				in(func() error { return doom(backend, time.Duration(rand.IntN(40))*time.Millisecond) }) //nolint:gosec // any time
				in(func() error {
					f, err := firewall.Open(firewall.Options{Name: firewalltest.Name, Backend: backend, IPv6: true}, firewalltest.Networks(2))
					if err != nil {
						return err
					}
					if repaired, err := f.Check(t.Context()); repaired || err != nil {
						t.Errorf("repaired %v, %v", repaired, err)
					}
					return errors.Join(f.DropInherited(), f.Remove(), f.Close())
				})
			}
			in(func() error {
				left, err := exec.Command("/bin/sh", "-c", "nft list ruleset; iptables-legacy-save; ip6tables-legacy-save").Output()
				if strings.Contains(string(left), "enginejobs") || strings.Contains(string(left), "DOCKER") {
					t.Errorf("left:\n%s", left)
				}
				return err
			})
		})
	}
}

// doom starts the doomed one in the namespace of the thread and kills it.
func doom(backend string, after time.Duration) error {
	cmd := exec.Command(os.Args[0], "-test.run=^TestDoomed$", "-test.v")
	cmd.Env = append(os.Environ(), doomedBackend+"="+backend)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	ready := false
	for !ready && lines.Scan() {
		ready = lines.Text() == "ready"
	}
	time.Sleep(after)
	err = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	if !ready {
		return errors.New("the doomed engine did not come up")
	}
	return err
}
