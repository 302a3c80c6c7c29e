package api

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestEndpointSysctls(t *testing.T) {
	s, err := ParseEndpointSysctl("net.ipv4.conf.IFNAME.log_martians=1")
	if err != nil || s.Path("eth0.7") != "net/ipv4/conf/eth0.7/log_martians" || s.Value != "1" {
		t.Errorf("%+v %v", s, err)
	}
	if err := CheckEndpointSysctls([]string{"net.ipv6.neigh.ifname.delay_first_probe_time=3", "net.mpls.conf.IFNAME.input="}); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		"", "=", "net.ipv4.conf.eth0.log_martians=1", "net.ipv4.conf.IFNAME.log_martians", "net.core.x.IFNAME.y=1", "kernel.ipv4.conf.IFNAME.x=1",
		"net.ipv4.conf.IFNAME.a.b=1", "net.ipv4.conf.IFNAME.a/b=1", "net.ipv4.conf.IFNAME...=1", "net.ipv4...IFNAME.x=1", "net.ipv4.conf.IFNAME.x=\x00",
	} {
		if err := CheckEndpointSysctls([]string{"net.ipv4.conf.IFNAME.x=1", bad}); errdefs.KindOf(err) != errdefs.KindInvalidArgument || !strings.HasPrefix(err.Error(), "unrecognised network interface sysctl '"+bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
