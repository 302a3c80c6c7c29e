package integration

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/integration/dockerdproc"
	"github.com/enginejobs/docker/pkg/netns"
)

// asker asks the name server of a container from inside its network.
type asker struct {
	t  *testing.T
	ns *os.File
}

func newAsker(t *testing.T, pid string) *asker {
	t.Helper()
	ns, err := netns.Open("/proc/" + pid + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	return &asker{t, ns}
}

func (a *asker) dial(network string) net.Conn {
	a.t.Helper()
	var conn net.Conn
	if err := netns.Do(a.ns, func() (err error) { conn, err = net.Dial(network, "127.0.0.11:53"); return err }); err != nil {
		a.t.Fatal(err)
	}
	return conn
}

// ask gives the code and the answers, in any order, as one text.
func (a *asker) ask(network, name string, kind uint16) string {
	a.t.Helper()
	conn := a.dial(network)
	defer conn.Close()
	q := new(dns.Msg).SetQuestion(name, kind)
	r, _, err := (&dns.Client{Net: network, Timeout: 10 * time.Second}).ExchangeWithConn(q, &dns.Conn{Conn: conn})
	if err != nil {
		return err.Error()
	}
	var list []string
	for _, rr := range r.Answer {
		list = append(list, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	slices.Sort(list)
	return strings.Join(append([]string{dns.RcodeToString[r.Rcode]}, list...), "; ")
}

// TestNamesLikeDockerd: the same questions about containers get the same answers.
// What dockerd does not know it asks of servers that are not there in its
// namespace, and it knows names of networks in their own case only.
func TestNamesLikeDockerd(t *testing.T) {
	peer := dockerdproc.Start(t)
	d := daemonproc.Start(t, daemonproc.Options{})
	image, err := os.ReadFile(daemonproc.MustAsset(t, "busybox"))
	if err != nil {
		t.Fatal(err)
	}
	peer.MustStdin(t, image, "import", "-", "busybox")
	defer func() { peer.Must(t, "rm", "-f", "web", "web2", "client") }() // it does not end before they do
	var pids []string
	for _, must := range []func(*testing.T, ...string) string{
		func(t *testing.T, args ...string) string { return peer.Must(t, args...) },
		func(t *testing.T, args ...string) string { return d.Must(t, args...) },
	} {
		must(t, "network", "create", "--internal", "--subnet", "10.211.0.0/24", "Inner")
		must(t, "run", "-d", "--name", "web", "--network", "Inner", "--ip", "10.211.0.10", "--network-alias", "www", "busybox", "sleep", "1000")
		must(t, "run", "-d", "--name", "web2", "--network", "Inner", "--ip", "10.211.0.11", "--network-alias", "www", "busybox", "sleep", "1000")
		must(t, "run", "-d", "--name", "client", "--network", "Inner", "--ip", "10.211.0.12", "busybox", "sleep", "1000")
		pids = append(pids, must(t, "inspect", "-f", "{{.State.Pid}}", "client"))
	}
	theirs, ours := newAsker(t, pids[0]), newAsker(t, pids[1])
	for _, network := range []string{"udp", "tcp"} {
		for _, q := range []struct {
			name string
			kind uint16
		}{
			{"web.", dns.TypeA}, {"WEB.", dns.TypeA}, {"www.", dns.TypeA}, {"web.Inner.", dns.TypeA}, {"web.", dns.TypeAAAA},
			{"10.0.211.10.in-addr.arpa.", dns.TypePTR}, {"web.", dns.TypeMX}, {"client.", dns.TypeA},
		} {
			if got, want := ours.ask(network, q.name, q.kind), theirs.ask(network, q.name, q.kind); got != want {
				t.Errorf("%s %s %s: %q, dockerd says %q", network, q.name, dns.TypeToString[q.kind], got, want)
			}
		}
	}
}
