package server

import (
	"context"
	"strconv"
)

// InitNetwork runs init_networkdriver, unless there shall be no network. What
// undoes it is registered by that job.
func (s *Server) InitNetwork(ctx context.Context) error {
	n := s.cfg.Network
	if n.Off {
		return nil
	}
	env := map[string]string{
		"EnableIptables": flag(!n.NoFirewall), "EnableIpMasq": flag(!n.NoMasquerade), "EnableIpForward": flag(!n.NoForward),
		"InterContainerCommunication": flag(!n.NoICC), "UserlandProxy": flag(!n.NoProxy),
		"Mtu": strconv.Itoa(n.MTU),
	}
	for key, value := range map[string]string{
		"BridgeIface": n.Bridge, "BridgeIP": n.BridgeIP, "FixedCIDR": n.FixedCIDR, "DefaultBindingIP": n.DefaultIP,
	} {
		if value != "" {
			env[key] = value
		}
	}
	if n.WarmSandboxes != 0 {
		env["WarmSandboxes"] = strconv.Itoa(max(n.WarmSandboxes, 0))
	}
	return s.run(ctx, "init_networkdriver", env)
}
