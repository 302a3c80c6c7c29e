package netjobs

import (
	"net/netip"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// initDeclaration describes init_networkdriver.
//
// Usage: init_networkdriver
// Env: see the keys below.
// Stdout: nothing. Stderr: warnings about the host, one per line.
// Errors: InvalidArgument for malformed values and combinations that cannot
// work, NotImplemented for IPv6, Conflict when the network runs already or the
// existing bridge has another address, Unavailable when no address range is
// free.
func initDeclaration(open Open) engine.Declaration {
	return engine.Declaration{
		Name:    "init_networkdriver",
		Summary: "Create or adopt the bridge, set up its rules and declare the other network jobs.",
		Changes: true,
		Env: []engine.Key{
			{Name: "EnableIptables", Type: engine.Bool, Default: "1", Summary: "write firewall rules"},
			{Name: "EnableIpMasq", Type: engine.Bool, Default: "1", Summary: "hide containers behind the host's address"},
			{Name: "EnableIpForward", Type: engine.Bool, Default: "1", Summary: "set net.ipv4.ip_forward"},
			{Name: "InterContainerCommunication", Type: engine.Bool, Default: "1", Summary: "let containers talk to each other"},
			{Name: "BridgeIface", Type: engine.String, Summary: "bridge to use, created when missing; empty: docker0"},
			{Name: "BridgeIP", Type: engine.String, Summary: "address of the bridge with its network, 10.0.0.1/24"},
			{Name: "FixedCIDR", Type: engine.String, Summary: "part of the bridge's network that containers get addresses from"},
			{Name: "DefaultBindingIP", Type: engine.String, Default: "0.0.0.0", Summary: "host address of published ports"},
			{Name: "Mtu", Type: engine.Int, Default: "0", Summary: "MTU of container interfaces; 0: that of the default route"},
			{Name: "UserlandProxy", Type: engine.Bool, Default: "1", Summary: "serve published ports on loopback addresses by a proxy"},
			{Name: "EnableIPv6", Type: engine.Bool, Default: "0", Summary: "not implemented"},
			{Name: "FixedCIDRv6", Type: engine.String, Summary: "not implemented"},
			{Name: "WarmSandboxes", Type: engine.Int, Default: "3", Summary: "network sandboxes to keep ready; 0: none"},
		},
		Handler: func(job *engine.Job) error { return jobInit(job, open) },
	}
}

func jobInit(job *engine.Job, open Open) error {
	cfg, err := decodeInit(job)
	if err != nil {
		return err
	}
	if job.Eng.Has("allocate_interface") {
		return errdefs.Conflict("init_networkdriver: this engine has a network already")
	}
	driver, err := open(job.Context(), cfg, job.Warnf)
	if err != nil {
		return err
	}
	job.Eng.OnShutdown("network", driver.Close)
	return (&doors{driver}).install(job.Eng)
}

func decodeInit(job *engine.Job) (cfg networkdriver.Config, err error) {
	if job.GetenvBool("EnableIPv6") || job.Getenv("FixedCIDRv6") != "" {
		return cfg, errdefs.NotImplemented("IPv6 on the bridge is not implemented: start without EnableIPv6 and FixedCIDRv6")
	}
	cfg = networkdriver.Config{
		Bridge:                      job.Getenv("BridgeIface"),
		MTU:                         job.GetenvInt("Mtu"),
		Firewall:                    job.GetenvBool("EnableIptables"),
		Masquerade:                  job.GetenvBool("EnableIpMasq"),
		InterContainerCommunication: job.GetenvBool("InterContainerCommunication"),
		IPForward:                   job.GetenvBool("EnableIpForward"),
		UserlandProxy:               job.GetenvBool("UserlandProxy"),
		WarmSandboxes:               job.GetenvInt("WarmSandboxes"),
	}
	cfg.CustomBridge = cfg.Bridge != ""
	if cfg.BridgeIP, err = networkdriver.ParseBridgeIP(job.Getenv("BridgeIP")); err != nil {
		return cfg, err
	}
	if cfg.FixedCIDR, err = networkdriver.ParseSubnet(job.Getenv("FixedCIDR")); err != nil {
		return cfg, err
	}
	if cfg.DefaultBindingIP, err = netip.ParseAddr(job.Getenv("DefaultBindingIP")); err != nil || !cfg.DefaultBindingIP.Is4() {
		return cfg, errdefs.InvalidArgument("invalid default binding address %q: want an IPv4 address", job.Getenv("DefaultBindingIP"))
	}
	return cfg, cfg.Check()
}
