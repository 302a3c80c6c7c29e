package runconfig

import (
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func (f *Flags) parseNetwork(c *Config, h *HostConfig, _ Lookup) error {
	mode, err := f.parseNetworks()
	if err != nil {
		return err
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

// parseNetworks reads what comes behind --net: the first one is the mode, and the
// flags that speak of one network mean that.
func (f *Flags) parseNetworks() (mode string, err error) {
	mode = "bridge"
	for i, text := range f.networks {
		name, e, err := parseEndpoint(text)
		if err != nil {
			return "", err
		}
		if name, err = parseNetMode(name); err != nil {
			return "", fmt.Errorf("--net: invalid net mode: %w", err)
		}
		if i == 0 {
			mode = name
		} else if !userNetwork(mode) || !userNetwork(name) {
			return "", errors.New("conflicting options: cannot attach both user-defined and non-user-defined network-modes")
		}
		if f.endpoints[name] != nil {
			return "", fmt.Errorf("network %q is specified multiple times", name)
		}
		if f.endpoints == nil {
			f.endpoints = make(map[string]*EndpointConfig)
		}
		f.endpoints[name] = e
	}
	return mode, f.mergeEndpoint(mode)
}

func userNetwork(mode string) bool {
	switch mode {
	case "host", "none":
		return false
	}
	return !strings.HasPrefix(mode, "container:")
}

// parseEndpoint reads a network, alone or as name=NETWORK with options.
func parseEndpoint(text string) (name string, e *EndpointConfig, err error) {
	e = &EndpointConfig{}
	if !strings.Contains(text, "=") {
		return text, e, nil
	}
	ipam := &EndpointIPAM{}
	fields, err := csv.NewReader(strings.NewReader(text)).Read() // a field with commas is quoted
	if err != nil {
		return "", nil, fmt.Errorf("invalid network %q: want fields key=value, separated by commas", text)
	}
	for _, part := range fields {
		key, value, ok := strings.Cut(part, "=")
		if !ok || value == "" {
			return "", nil, fmt.Errorf("invalid field %s: want key=value", part)
		}
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "name":
			name = value
		case "alias":
			e.Aliases = append(e.Aliases, value)
		case "ip":
			ipam.IPv4Address = value
		case "ip6":
			ipam.IPv6Address = value
		case "link-local-ip":
			ipam.LinkLocalIPs = append(ipam.LinkLocalIPs, value)
		case "mac-address":
			e.MacAddress = value
		case "driver-opt":
			key, value, _ := strings.Cut(value, "=")
			if e.DriverOpts == nil {
				e.DriverOpts = make(map[string]string)
			}
			e.DriverOpts[key] = value
		case "gw-priority":
			if e.GwPriority, err = strconv.Atoi(value); err != nil {
				return "", nil, fmt.Errorf("invalid gw-priority %s: want a number", value)
			}
		default:
			return "", nil, fmt.Errorf("invalid field key %s", key)
		}
	}
	if name == "" {
		return "", nil, fmt.Errorf("network name/id is not specified in %q", text)
	}
	if ipam.IPv4Address != "" || ipam.IPv6Address != "" || len(ipam.LinkLocalIPs) > 0 {
		e.IPAMConfig = ipam
	}
	return name, e, nil
}

// mergeEndpoint adds the flags that speak of one network to the mode's.
func (f *Flags) mergeEndpoint(mode string) error {
	if f.mac == "" && f.ip == "" && f.ip6 == "" && len(f.linkLocalIP) == 0 && len(f.netAlias) == 0 {
		if len(f.networks) == 1 && !strings.Contains(f.networks[0], "=") {
			f.endpoints = nil // the mode says it all
		}
		return nil
	}
	e := f.endpoints[mode]
	if e == nil {
		e = &EndpointConfig{}
		f.endpoints = map[string]*EndpointConfig{mode: e}
	}
	ipam := e.IPAMConfig
	if ipam == nil {
		ipam = &EndpointIPAM{}
	}
	for _, c := range []struct {
		flag, what   string
		given, taken bool
	}{
		{"--network-alias", "alias", len(f.netAlias) > 0, len(e.Aliases) > 0},
		{"--ip", "IPv4 address", f.ip != "", ipam.IPv4Address != ""},
		{"--ip6", "IPv6 address", f.ip6 != "", ipam.IPv6Address != ""},
		{"--link-local-ip", "link-local IP addresses", len(f.linkLocalIP) > 0, len(ipam.LinkLocalIPs) > 0},
		{"--mac-address", "MAC address", f.mac != "", e.MacAddress != ""},
	} {
		if c.given && c.taken {
			return fmt.Errorf("conflicting options: cannot specify both %s and per-network %s", c.flag, c.what)
		}
	}
	e.Aliases = append(e.Aliases, f.netAlias...)
	if f.mac != "" {
		e.MacAddress = f.mac
	}
	if f.ip != "" {
		ipam.IPv4Address = f.ip
	}
	if f.ip6 != "" {
		ipam.IPv6Address = f.ip6
	}
	ipam.LinkLocalIPs = append(ipam.LinkLocalIPs, f.linkLocalIP...)
	if ipam.IPv4Address != "" || ipam.IPv6Address != "" || len(ipam.LinkLocalIPs) > 0 {
		e.IPAMConfig = ipam
	}
	return nil
}

// networkingConfig says what the flags ask of networks, or nil.
func (f *Flags) networkingConfig() *NetworkingConfig {
	if len(f.endpoints) == 0 {
		return nil
	}
	return &NetworkingConfig{EndpointsConfig: f.endpoints}
}
