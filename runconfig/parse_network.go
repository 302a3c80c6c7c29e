package runconfig

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

func (f *Flags) parseNetwork(c *Config, h *HostConfig, _ Lookup) error {
	mode, err := parseNetMode(f.net)
	if err != nil {
		return fmt.Errorf("--net: invalid net mode: %w", err)
	}
	c.NetworkDisabled, c.MacAddress = !f.networking, f.mac
	h.NetworkMode, h.Links, h.ExtraHosts = mode, f.links, f.addHost
	h.Dns, h.DnsSearch, h.DnsOptions = f.dns, f.dnsSearch, f.dnsOption
	for _, a := range []struct{ flag, text string }{{"--ip", f.ip}, {"--ip6", f.ip6}} {
		if a.text == "" {
			continue
		}
		if addr, err := netip.ParseAddr(a.text); err != nil || addr.Is4() != (a.flag == "--ip") {
			return fmt.Errorf("%s: %s is not such an address", a.flag, a.text)
		}
	}
	return f.networkConflicts(mode)
}

// parseNetMode accepts the four classic modes and, for the server to judge,
// the name of a network.
func parseNetMode(text string) (string, error) {
	if ref, ok := strings.CutPrefix(text, "container:"); ok {
		if ref == "" {
			return "", errors.New("invalid container format container:<name|id>")
		}
		return text, nil
	}
	switch text {
	case "container":
		return "", errors.New("invalid container format container:<name|id>")
	case "":
		return "bridge", nil
	}
	if !isNetworkName(text) {
		return "", fmt.Errorf("invalid --net: %s", text)
	}
	return text, nil
}

// isNetworkName wants letters, digits, and inside also dots, dashes and
// underscores.
func isNetworkName(text string) bool {
	for i, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case i > 0 && (r == '_' || r == '.' || r == '-'):
		default:
			return false
		}
	}
	return text != ""
}

func (f *Flags) networkConflicts(mode string) error {
	kind, _, _ := strings.Cut(mode, ":")
	shares := kind == "host" || kind == "container"
	switch {
	case f.hostname != "" && shares:
		return errors.New("Conflicting options: -h and the network mode (--net)")
	case len(f.links) > 0 && shares:
		return fmt.Errorf("Conflicting options: --net=%s can't be used with links. This would result in undefined behavior.", kind)
	case len(f.dns) > 0 && shares:
		return fmt.Errorf("Conflicting options: --net=%s can't be used with --dns. This configuration is invalid.", kind)
	}
	return nil
}

// networkingConfig says what the flags ask of the network, or nil.
func (f *Flags) networkingConfig(h *HostConfig) *NetworkingConfig {
	if f.mac == "" && f.ip == "" && f.ip6 == "" && len(f.linkLocalIP) == 0 && len(f.netAlias) == 0 {
		return nil
	}
	e := &EndpointConfig{Aliases: f.netAlias, MacAddress: f.mac}
	if f.ip != "" || f.ip6 != "" || len(f.linkLocalIP) > 0 {
		e.IPAMConfig = &EndpointIPAM{IPv4Address: f.ip, IPv6Address: f.ip6, LinkLocalIPs: f.linkLocalIP}
	}
	return &NetworkingConfig{EndpointsConfig: map[string]*EndpointConfig{h.NetworkMode: e}}
}
