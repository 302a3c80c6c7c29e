package integration

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestEndpointSysctls: an endpoint brings the kernel's settings of its interface, at
// the start and when a running container joins.
func TestEndpointSysctls(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	const option = "com.docker.network.endpoint.sysctls="
	d.Must(t, "network", "create", "one")
	d.Must(t, "network", "create", "two")
	d.Must(t, "run", "-d", "--name", "box", "--network", `name=one,"driver-opt=`+option+`net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.arp_ignore=2"`,
		"busybox", "sleep", "1000")
	read := func(device, want string) {
		t.Helper()
		if got := d.Must(t, "exec", "box", "sh", "-c", "cd /proc/sys/net/ipv4/conf/"+device+"; echo $(cat log_martians arp_ignore)"); got != want {
			t.Errorf("%s: %q, want %q", device, got, want)
		}
	}
	read("eth0", "1 2")
	d.Must(t, "network", "connect", "--driver-opt", option+"net.ipv4.conf.IFNAME.log_martians=0,net.ipv4.conf.IFNAME.arp_ignore=1", "two", "box")
	read("eth1", "0 1")
	d.Must(t, "restart", "-t", "0", "box")
	read("eth0", "1 2")
	read("eth1", "0 1")
	for text, said := range map[string]string{
		"net.ipv4.conf.eth0.arp_ignore=1":     "unrecognised network interface sysctl 'net.ipv4.conf.eth0.arp_ignore=1'",
		"kernel.msgmax.a.IFNAME.b=1":          "unrecognised network interface sysctl",
		"net.ipv4.conf.IFNAME.no_such_name=1": "setting net.ipv4.conf.IFNAME.no_such_name=1 of interface eth0",
	} {
		r := d.Docker("run", "--rm", "--network", `name=one,"driver-opt=`+option+text+`"`, "busybox", "true")
		if r.Code != 125 && r.Code != 127 || !strings.Contains(r.Stderr, said) {
			t.Errorf("%s: %s", text, r)
		}
	}
}
