//go:build linux

package bridge

import (
	"net/netip"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/firewall"
)

// settings is what the options of a network say.
type settings struct {
	bridge     string
	standard   bool // the network of containers that ask for none
	custom     bool // its bridge was named by the user
	icc        bool
	masquerade bool
	internal   bool
	proxied    bool
	mtu        int
	bind       netip.Addr
	snat       []netip.Addr
	v4, v6     netip.Prefix // of the bridge, with its network
	way4, way6 netip.Addr   // where the containers' default routes lead
}

// The names under which a definition keeps gateways that are not the bridge.
const (
	auxGateway4 = "DefaultGatewayIPv4"
	auxGateway6 = "DefaultGatewayIPv6"
)

// settings reads the options.
func (d *Driver) settings(spec networkdriver.Spec) (s settings, err error) {
	def := &spec.Definition
	s = settings{bridge: BridgeName(def), internal: def.Internal, proxied: d.cfg.UserlandProxy}
	if err := networkdriver.CheckBridgeName(s.bridge); err != nil {
		return s, err
	}
	for option, to := range map[string]*bool{
		networkdriver.OptionBridgeICC: &s.icc, networkdriver.OptionBridgeMasq: &s.masquerade,
	} {
		if *to, err = def.Bool(option, true); err != nil {
			return s, err
		}
	}
	if s.standard, err = def.Bool(networkdriver.OptionDefault, false); err != nil {
		return s, err
	}
	s.custom = s.standard && d.cfg.CustomBridge
	if !s.icc && !d.cfg.Firewall {
		return s, errdefs.InvalidArgument("containers of network %s cannot be kept from each other without firewall rules", def.Name)
	}
	if s.mtu, err = def.MTU(); err != nil {
		return s, err
	}
	if s.bind, err = def.Addr(networkdriver.OptionBridgeHostIP); err != nil {
		return s, err
	}
	if !s.bind.IsValid() {
		s.bind = d.cfg.DefaultBind
	}
	for _, option := range []string{networkdriver.OptionHostIPv4, networkdriver.OptionHostIPv6} {
		ip, err := def.Addr(option)
		if err != nil {
			return s, err
		}
		if ip.IsValid() {
			s.snat = append(s.snat, ip)
		}
	}
	s.addresses(spec)
	return s, nil
}

// addresses reads those of the bridge and of the way out.
func (s *settings) addresses(spec networkdriver.Spec) {
	if spec.V4 != nil {
		s.v4 = netip.PrefixFrom(spec.V4.Gateway, spec.V4.Network.Bits())
		s.way4 = spec.V4.Gateway
	}
	if spec.V6 != nil {
		s.v6 = netip.PrefixFrom(spec.V6.Gateway, spec.V6.Network.Bits())
		s.way6 = spec.V6.Gateway
	}
	for _, p := range spec.IPAM.Config {
		if ip, err := netip.ParseAddr(p.AuxAddress[auxGateway4]); err == nil && s.standard {
			s.way4 = ip
		}
		if ip, err := netip.ParseAddr(p.AuxAddress[auxGateway6]); err == nil && s.standard {
			s.way6 = ip
		}
	}
	if s.internal {
		s.way4, s.way6 = netip.Addr{}, netip.Addr{}
	}
}

// rules is the network as the firewall knows it.
func (s settings) rules() firewall.Network {
	n := firewall.Network{
		Bridge: s.bridge, Masquerade: s.masquerade, SNAT: s.snat, Isolated: !s.icc, Internal: s.internal, Proxied: s.proxied,
	}
	for _, p := range []netip.Prefix{s.v4, s.v6} {
		if p.IsValid() {
			n.Subnets = append(n.Subnets, p.Masked())
		}
	}
	return n
}

// BridgeName is the interface of a network: what its options say, or br- and
// the beginning of its id.
func BridgeName(def *networkdriver.Definition) string {
	if name := def.Options[networkdriver.OptionBridgeName]; name != "" {
		return name
	}
	if len(def.ID) < 12 {
		return "br-" + def.ID
	}
	return "br-" + def.ID[:12]
}
