package integration

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// lookup gives the addresses that a container finds for a name, or what it was
// told instead.
func lookup(d *daemonproc.Daemon, from, name string) string {
	r := d.Docker("exec", from, "nslookup", name, "127.0.0.11")
	_, answer, _ := strings.Cut(r.Stdout, "\n\n") // behind who was asked
	var found []string
	for _, line := range strings.Split(answer, "\n") {
		for _, mark := range []string{"Address: ", "name = "} {
			if _, value, ok := strings.Cut(line, mark); ok {
				found = append(found, strings.TrimSpace(value))
			}
		}
	}
	if len(found) == 0 {
		for _, word := range []string{"NXDOMAIN", "SERVFAIL", "REFUSED", "timed out"} {
			if strings.Contains(r.Stdout+r.Stderr, word) {
				return word
			}
		}
		return r.String()
	}
	return strings.Join(found, " ")
}

func demandLookup(t *testing.T, d *daemonproc.Daemon, from, name, want string) {
	t.Helper()
	if got := lookup(d, from, name); got != want {
		t.Errorf("%s looks for %s and finds %q, want %q", from, name, got, want)
	}
}

func addressOn(t *testing.T, d *daemonproc.Daemon, container, network string) string {
	t.Helper()
	return d.Must(t, "inspect", "-f", fmt.Sprintf("{{(index .NetworkSettings.Networks %q).IPAddress}}", network), container)
}

// TestNamesFollowContainers: names lead to where containers are, through starts,
// stops, renames, and the death of the daemon.
func TestNamesFollowContainers(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	d.Must(t, "network", "create", "--subnet", "10.208.0.0/24", "front")
	d.Must(t, "network", "create", "--subnet", "10.209.0.0/24", "back")
	d.Must(t, "run", "-d", "--name", "client", "--network", "front", "busybox", "sleep", "1000")
	d.Must(t, "run", "-d", "--name", "web", "--network", "front", "--network-alias", "www", "busybox", "httpd", "-f", "-h", "/var/www")
	web := addressOn(t, d, "web", "front")
	for _, name := range []string{"web", "WEB", "www", "web.front", d.Must(t, "inspect", "-f", "{{slice .Id 0 12}}", "web")} {
		demandLookup(t, d, "client", name, web)
	}
	demandLookup(t, d, "client", web, "web.front")
	if got := d.Must(t, "exec", "client", "wget", "-q", "-O-", "http://www/"); !strings.Contains(got, "hello from") {
		t.Errorf("wget http://www/: %q", got)
	}

	d.Must(t, "rename", "web", "shop")
	demandLookup(t, d, "client", "shop", web)
	demandLookup(t, d, "client", "www", web)
	if got := lookup(d, "client", "web"); strings.Contains(got, web) {
		t.Errorf("the old name still leads to %s", got)
	}
	d.Must(t, "stop", "-t", "0", "shop")
	d.Must(t, "run", "-d", "--name", "between", "--network", "front", "busybox", "sleep", "1000") // takes an address
	if got := lookup(d, "client", "shop"); strings.Contains(got, "10.208.") {
		t.Errorf("a container that is stopped is found at %s", got)
	}
	d.Must(t, "start", "shop")
	demandLookup(t, d, "client", "www", addressOn(t, d, "shop", "front"))

	d.Must(t, "network", "connect", "--alias", "db", "back", "shop")
	if got := lookup(d, "client", "db"); strings.Contains(got, "10.209.") {
		t.Errorf("a name of another network is found at %s", got)
	}
	d.Must(t, "network", "connect", "back", "client")
	demandLookup(t, d, "client", "db", addressOn(t, d, "shop", "back"))
	d.Must(t, "network", "disconnect", "front", "client")
	demandLookup(t, d, "client", "shop", addressOn(t, d, "shop", "back"))

	if err := d.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	demandLookup(t, d, "client", "shop", addressOn(t, d, "shop", "back"))
	demandLookup(t, d, "client", "db", addressOn(t, d, "shop", "back"))
	d.Must(t, "run", "-d", "--name", "new", "--network", "back", "busybox", "sleep", "1000")
	demandLookup(t, d, "client", "new", addressOn(t, d, "new", "back"))
	demandLookup(t, d, "new", "client", addressOn(t, d, "client", "back"))
}

// TestNamesOfMany: an alias that several containers have leads to all of them,
// to each first in turn.
func TestNamesOfMany(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	d.Must(t, "network", "create", "farm")
	all := map[string]bool{}
	for i := range 3 {
		name := fmt.Sprint("w", i)
		d.Must(t, "run", "-d", "--name", name, "--network", "farm", "--network-alias", "workers", "busybox", "sleep", "1000")
		all[addressOn(t, d, name, "farm")] = true
	}
	first := map[string]bool{}
	for range 3 {
		found := strings.Fields(lookup(d, "w0", "workers"))
		if len(found) != len(all) {
			t.Fatalf("workers: %v, want %v", found, all)
		}
		first[found[0]] = true
	}
	if len(first) != len(all) {
		t.Errorf("three times first: %v", first)
	}
}

// TestNamesOfOthers: what no network knows is asked of the server that the user
// named, unless the container is on internal networks only; and a container that
// serves names itself is not in the way.
func TestNamesOfOthers(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	d.Must(t, "network", "create", "--subnet", "10.210.0.0/24", "--gateway", "10.210.0.1", "net")
	d.Must(t, "network", "create", "--internal", "inner")
	packets, err := net.ListenPacket("udp", "10.210.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			r.Answer = append(r.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(198, 51, 100, 9),
			})
		}
		_ = w.WriteMsg(r)
	})}
	go func() { _ = s.ActivateAndServe() }()
	defer func() { _ = s.Shutdown() }()
	d.Must(t, "run", "-d", "--name", "server", "--network", "net", "--dns", "10.210.0.1", "busybox", "sh", "-c", "nc -ll -p 53 -e cat & sleep 1000")
	demandLookup(t, d, "server", "example.com", "198.51.100.9")
	demandLookup(t, d, "server", "server", addressOn(t, d, "server", "net"))
	d.Must(t, "run", "-d", "--name", "locked", "--network", "inner", "--dns", "10.210.0.1", "busybox", "sleep", "1000")
	demandLookup(t, d, "locked", "example.com", "SERVFAIL")
	demandLookup(t, d, "locked", "locked", addressOn(t, d, "locked", "inner"))
	d.Must(t, "network", "connect", "net", "locked")
	demandLookup(t, d, "locked", "example.com", "198.51.100.9")
	start := time.Now()
	d.Must(t, "network", "disconnect", "net", "locked")
	demandLookup(t, d, "locked", "example.com", "SERVFAIL")
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("an internal network takes %s to say no", took)
	}
}
