package runconfig

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func (f *Flags) parsePorts(c *Config, h *HostConfig, _ Lookup) error {
	h.PublishAllPorts = f.publishAll
	for _, spec := range f.publish {
		bindings, err := ParsePublish(spec)
		if err != nil {
			return err
		}
		if h.PortBindings == nil {
			h.PortBindings = make(PortMap)
		}
		for _, b := range bindings {
			h.PortBindings[b.Port] = append(h.PortBindings[b.Port], b.PortBinding)
			expose(c, b.Port)
		}
	}
	for _, spec := range f.expose {
		ports, err := ParseExpose(spec)
		if err != nil {
			return err
		}
		for _, port := range ports {
			expose(c, port)
		}
	}
	return nil
}

func expose(c *Config, port Port) {
	if c.ExposedPorts == nil {
		c.ExposedPorts = make(map[Port]struct{})
	}
	c.ExposedPorts[port] = struct{}{}
}

// Publish is one container port and the host address that shall reach it.
type Publish struct {
	Port Port
	PortBinding
}

// ParsePublish reads [[ip:][hostPort]:]containerPort[/proto]. Both ports may be
// ranges of equal length; a host range for a single container port is kept as
// text, because the engine picks one of it.
func ParsePublish(spec string) ([]Publish, error) {
	rest, proto, err := cutProto(spec)
	if err != nil {
		return nil, err
	}
	ip, host, container, err := splitPublish(spec, rest)
	if err != nil {
		return nil, err
	}
	if container == "" {
		return nil, fmt.Errorf("No port specified: %s<empty>", spec)
	}
	if ip != "" {
		addr, err := netip.ParseAddr(ip)
		if err != nil {
			return nil, fmt.Errorf("Invalid ip address: %s", ip)
		}
		ip = addr.String()
	}
	first, last, err := portRange(container)
	if err != nil {
		return nil, fmt.Errorf("Invalid containerPort: %s", container)
	}
	if host == "0" {
		host = "" // as the engine says it: pick one
	}
	hostFirst, hostLast := 0, 0
	if host != "" {
		if hostFirst, hostLast, err = portRange(host); err != nil {
			return nil, fmt.Errorf("Invalid hostPort: %s", host)
		}
	}
	if host != "" && hostLast-hostFirst != last-first {
		if first != last {
			return nil, fmt.Errorf("Invalid ranges specified for container and host Ports: %s and %s", container, host)
		}
		return []Publish{{MakePort(first, proto), PortBinding{HostIp: ip, HostPort: host}}}, nil
	}
	list := make([]Publish, 0, last-first+1)
	for i := 0; i <= last-first; i++ {
		b := PortBinding{HostIp: ip}
		if host != "" {
			b.HostPort = strconv.Itoa(hostFirst + i)
		}
		list = append(list, Publish{MakePort(first+i, proto), b})
	}
	return list, nil
}

// splitPublish cuts the text before the protocol at its colons. An IPv6
// address stands in brackets.
func splitPublish(spec, rest string) (ip, host, container string, err error) {
	if strings.HasPrefix(rest, "[") {
		end := strings.Index(rest, "]:")
		if end < 0 {
			return "", "", "", fmt.Errorf("Invalid ip address: %s", rest)
		}
		ip, rest = rest[1:end], rest[end+2:]
		host, container, ok := strings.Cut(rest, ":")
		if !ok {
			host, container = "", host
		}
		return ip, host, container, nil
	}
	parts := strings.Split(rest, ":")
	switch len(parts) {
	case 1:
		return "", "", parts[0], nil
	case 2:
		return "", parts[0], parts[1], nil
	case 3:
		return parts[0], parts[1], parts[2], nil
	}
	return "", "", "", templateError(spec, "ip:hostPort:containerPort")
}

// ParseExpose reads port[/proto] or first-last[/proto].
func ParseExpose(spec string) ([]Port, error) {
	if strings.Contains(spec, ":") {
		return nil, fmt.Errorf("Invalid port format for --expose: %s", spec)
	}
	rest, proto, err := cutProto(spec)
	if err != nil {
		return nil, err
	}
	first, last, err := portRange(rest)
	if err != nil {
		return nil, fmt.Errorf("Invalid range format for --expose: %s, error: %w", spec, err)
	}
	ports := make([]Port, 0, last-first+1)
	for n := first; n <= last; n++ {
		ports = append(ports, MakePort(n, proto))
	}
	return ports, nil
}

// MakePort joins a number and a protocol: "80/tcp".
func MakePort(number int, proto string) Port {
	return Port(strconv.Itoa(number) + "/" + proto)
}

// Split cuts a port into number and protocol. A bare number is tcp; a port
// that cannot be read has number 0.
func (p Port) Split() (number int, proto string) {
	text, proto, ok := strings.Cut(string(p), "/")
	if !ok {
		proto = "tcp"
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, proto
	}
	return int(n), proto
}

func cutProto(spec string) (rest, proto string, err error) {
	rest, proto, ok := strings.Cut(spec, "/")
	if !ok || proto == "" {
		return rest, "tcp", nil
	}
	switch lower := strings.ToLower(proto); lower {
	case "tcp", "udp", "sctp":
		return rest, lower, nil
	}
	return "", "", fmt.Errorf("Invalid proto: %s", proto)
}

// portRange reads "80" or "8000-8010".
func portRange(text string) (first, last int, err error) {
	a, b, isRange := strings.Cut(text, "-")
	if first, err = portNumber(a); err != nil {
		return 0, 0, err
	}
	if !isRange {
		return first, first, nil
	}
	if last, err = portNumber(b); err != nil {
		return 0, 0, err
	}
	if last < first {
		return 0, 0, fmt.Errorf("the range %s ends before it starts", text)
	}
	return first, last, nil
}

func portNumber(text string) (int, error) {
	if text == "" {
		return 0, errors.New("empty string specified for ports.")
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a port between 1 and 65535", text)
	}
	return int(n), nil
}
