package server

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/netip"
	"path/filepath"
	"strconv"

	"github.com/enginejobs/docker/pkg/resolvconf"
)

// InitNetwork runs init_networkdriver. Without a default bridge there are still
// the networks that users make. What undoes it is registered by that job.
func (s *Server) InitNetwork(ctx context.Context) error {
	n := s.cfg.Network
	env := map[string]string{
		"EnableIptables": flag(!n.NoFirewall), "EnableIpMasq": flag(!n.NoMasquerade), "EnableIpForward": flag(!n.NoForward),
		"InterContainerCommunication": flag(!n.NoICC), "UserlandProxy": flag(!n.NoProxy),
		"Mtu": strconv.Itoa(n.MTU), "EnableIPv6": flag(n.IPv6), "Root": filepath.Join(s.cfg.Root, "networks"),
	}
	for key, value := range map[string]string{
		"BridgeIface": n.Bridge, "BridgeIP": n.BridgeIP, "FixedCIDR": n.FixedCIDR, "DefaultBindingIP": n.DefaultIP,
		"BridgeIPv6": n.BridgeIPv6, "FixedCIDRv6": n.FixedCIDRv6, "DefaultGateway": n.Gateway, "DefaultGatewayIPv6": n.GatewayIPv6,
		"FirewallBackend": n.Firewall,
	} {
		if value != "" {
			env[key] = value
		}
	}
	if n.Off {
		env["NoDefault"], env["BridgeIface"] = "1", privateName(s.cfg.Root)
	}
	if n.WarmSandboxes != 0 {
		env["WarmSandboxes"] = strconv.Itoa(max(n.WarmSandboxes, 0))
	}
	for key, list := range map[string][]string{"DefaultAddressPools": n.AddressPools, "Nameservers": nameservers()} {
		if len(list) > 0 {
			text, err := json.Marshal(list)
			if err != nil {
				return err
			}
			env[key] = string(text)
		}
	}
	job := s.job(ctx, "init_networkdriver", env)
	return job.OutputJSON(&s.parts.network)
}

// nameservers are those of the host, which no network of ours may hide. Without
// any it has none to hide.
func nameservers() (list []string) {
	text, err := resolvconf.ReadHost(resolvconf.HostPath, resolvconf.SystemdPath)
	if err != nil {
		return nil
	}
	for _, s := range resolvconf.Parse(text).Nameservers {
		if _, err := netip.ParseAddr(s); err == nil {
			list = append(list, s)
		}
	}
	return list
}

// privateName stands for the bridge that a daemon does not have, in the names of
// its rules: daemons with different roots have different ones.
func privateName(root string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(root)) // never fails
	return fmt.Sprintf("none-%08x", h.Sum32())
}
