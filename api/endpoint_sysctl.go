package api

import (
	"errors"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// EndpointSysctl is a kernel setting of the interface of an endpoint.
type EndpointSysctl struct {
	family, kind, name string // net.FAMILY.KIND.IFNAME.NAME
	Value              string
}

// ParseEndpointSysctl reads net.X.Y.IFNAME.Z=V, which is how the driver option
// com.docker.network.endpoint.sysctls writes it (1.46). The interface has no name
// yet, so none but IFNAME can be given.
func ParseEndpointSysctl(text string) (EndpointSysctl, error) {
	key, value, has := strings.Cut(text, "=")
	p := strings.Split(key, ".")
	if !has || len(p) != 5 || p[0] != "net" || p[1] != "ipv4" && p[1] != "ipv6" && p[1] != "mpls" || p[3] != "IFNAME" && p[3] != "ifname" ||
		!isSysctlWord(p[2]) || !isSysctlWord(p[4]) || strings.Contains(value, "\x00") {
		return EndpointSysctl{}, errdefs.InvalidArgument("unrecognised network interface sysctl '%.120s'; represent 'net.X.Y.ethN.Z=V' as "+
			"'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'", text)
	}
	return EndpointSysctl{family: p[1], kind: p[2], name: p[4], Value: value}, nil
}

func isSysctlWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// Path is where the setting of an interface is, below /proc/sys.
func (s EndpointSysctl) Path(device string) string {
	return strings.Join([]string{"net", s.family, s.kind, device, s.name}, "/")
}

// CheckEndpointSysctls says all that is wrong with a list.
func CheckEndpointSysctls(list []string) error {
	var errs []error
	for _, text := range list {
		_, err := ParseEndpointSysctl(text)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return errdefs.As(errdefs.KindInvalidArgument, err)
	}
	return nil
}
