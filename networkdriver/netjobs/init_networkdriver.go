package netjobs

import (
	"errors"
	"net/netip"
	"sync/atomic"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/ipam"
	"github.com/enginejobs/docker/networkdriver/networks"
)

// initDeclaration describes init_networkdriver.
//
// Usage: init_networkdriver
// Env: see the keys below.
// Stdout: one api.NetworkReady. Stderr: warnings about the host, one per line.
// Errors: InvalidArgument for malformed values and combinations that cannot
// work, Conflict when the network runs already or the
// existing bridge has another address, Unavailable when no address range is
// free.
func initDeclaration(kind networks.Kind) engine.Declaration {
	return engine.Declaration{
		Name:    "init_networkdriver",
		Summary: "Create or adopt the bridge, set up its rules and declare the other network jobs.",
		Changes: true,
		Stdout:  engine.JSONDocument,
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
			{Name: "EnableIPv6", Type: engine.Bool, Default: "0", Summary: "containers get IPv6 addresses, too"},
			{Name: "BridgeIPv6", Type: engine.String, Summary: "IPv6 address of the bridge with its network"},
			{Name: "FixedCIDRv6", Type: engine.String, Summary: "network of the containers' IPv6 addresses"},
			{Name: "DefaultGateway", Type: engine.String, Summary: "where the default route of containers leads; empty: to the bridge"},
			{Name: "DefaultGatewayIPv6", Type: engine.String, Summary: "the same for IPv6"},
			{Name: "DefaultAddressPools", Type: engine.List, Summary: "where networks get subnets from: base=NETWORK,size=BITS"},
			{Name: "FirewallBackend", Type: engine.String, Summary: "nftables or iptables; empty: what the host uses"},
			{Name: "NoDefault", Type: engine.Bool, Default: "0", Summary: "there is no network for containers that ask for none"},
			{Name: "Nameservers", Type: engine.List, Summary: "of the host: no network may hold one"},
			{Name: "Root", Type: engine.String, Summary: "directory of the networks that users made; empty: they are forgotten"},
			{Name: "WarmSandboxes", Type: engine.Int, Default: "3", Summary: "network sandboxes to keep ready; 0: none"},
		},
		Handler: func(job *engine.Job) error { return jobInit(job, kind) },
	}
}

func jobInit(job *engine.Job, kind networks.Kind) error {
	cfg, err := decodeInit(job)
	if err != nil {
		return err
	}
	if job.Eng.Has("allocate_interface") {
		return errdefs.Conflict("init_networkdriver: this engine has a network already")
	}
	// The networks live on when this job has ended, and its streams with it.
	var ended atomic.Bool
	defer ended.Store(true)
	m, err := networks.Open(job.Context(), cfg, kind, func(format string, args ...any) {
		if ended.Load() {
			job.Eng.Warnf(format, args...)
			return
		}
		job.Warnf(format, args...)
	})
	if err != nil {
		return err
	}
	job.Eng.OnShutdown("network", m.Close)
	if err := (&doors{job.Eng, m}).install(); err != nil {
		return err
	}
	ready := api.NetworkReady{Firewall: m.Firewall()}
	pools, err := ipam.ParsePools(cfg.AddressPools)
	for _, p := range pools {
		ready.AddressPools = append(ready.AddressPools, api.AddressPool{Base: p.Base.String(), Size: p.Size})
	}
	return errors.Join(err, job.WriteJSON(ready))
}

func decodeInit(job *engine.Job) (cfg networkdriver.Config, err error) {
	cfg = networkdriver.Config{
		Root:                        job.Getenv("Root"),
		NoDefault:                   job.GetenvBool("NoDefault"),
		AddressPools:                job.GetenvList("DefaultAddressPools"),
		Bridge:                      job.Getenv("BridgeIface"),
		MTU:                         job.GetenvInt("Mtu"),
		Firewall:                    job.GetenvBool("EnableIptables"),
		Backend:                     job.Getenv("FirewallBackend"),
		Masquerade:                  job.GetenvBool("EnableIpMasq"),
		InterContainerCommunication: job.GetenvBool("InterContainerCommunication"),
		IPForward:                   job.GetenvBool("EnableIpForward"),
		UserlandProxy:               job.GetenvBool("UserlandProxy"),
		Warm:                        job.GetenvInt("WarmSandboxes"),
		IPv6:                        job.GetenvBool("EnableIPv6"),
	}
	cfg.CustomBridge = cfg.Bridge != ""
	for key, to := range map[string]*netip.Prefix{"BridgeIP": &cfg.BridgeIP, "BridgeIPv6": &cfg.BridgeIPv6} {
		if *to, err = networkdriver.ParseBridgeIP(job.Getenv(key)); err != nil {
			return cfg, err
		}
	}
	for key, to := range map[string]*netip.Prefix{"FixedCIDR": &cfg.FixedCIDR, "FixedCIDRv6": &cfg.FixedCIDRv6} {
		if *to, err = networkdriver.ParseSubnet(job.Getenv(key)); err != nil {
			return cfg, err
		}
	}
	for key, to := range map[string]*netip.Addr{
		"DefaultBindingIP": &cfg.DefaultBind, "DefaultGateway": &cfg.Gateway, "DefaultGatewayIPv6": &cfg.Gateway6,
	} {
		if text := job.Getenv(key); text != "" {
			if *to, err = netip.ParseAddr(text); err != nil {
				return cfg, errdefs.InvalidArgument("invalid %s %q: want an address", key, text)
			}
		}
	}
	if err := families(cfg); err != nil {
		return cfg, err
	}
	for _, text := range job.GetenvList("Nameservers") {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return cfg, errdefs.InvalidArgument("invalid nameserver %q: want an address", text)
		}
		cfg.Nameservers = append(cfg.Nameservers, ip)
	}
	return cfg, cfg.Check()
}

// families refuses addresses of the wrong one.
func families(cfg networkdriver.Config) error {
	for name, p := range map[string]netip.Prefix{"BridgeIP": cfg.BridgeIP, "FixedCIDR": cfg.FixedCIDR} {
		if p.IsValid() && !p.Addr().Is4() {
			return errdefs.InvalidArgument("invalid %s %s: want an IPv4 network", name, p)
		}
	}
	for name, p := range map[string]netip.Prefix{"BridgeIPv6": cfg.BridgeIPv6, "FixedCIDRv6": cfg.FixedCIDRv6} {
		if p.IsValid() && !p.Addr().Is6() {
			return errdefs.InvalidArgument("invalid %s %s: want an IPv6 network", name, p)
		}
	}
	if !cfg.DefaultBind.Is4() {
		return errdefs.InvalidArgument("invalid default binding address %q: want an IPv4 address", cfg.DefaultBind)
	}
	if cfg.Gateway.IsValid() && !cfg.Gateway.Is4() || cfg.Gateway6.IsValid() && !cfg.Gateway6.Is6() {
		return errdefs.InvalidArgument("invalid default gateway: want an IPv4 and an IPv6 address, not %s and %s", cfg.Gateway, cfg.Gateway6)
	}
	return nil
}
