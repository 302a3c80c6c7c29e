package server

import (
	"encoding/json"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// createParts is a create body of any version, taken apart into what the job
// create wants, in today's spelling.
type createParts struct {
	config     json.RawMessage // runconfig.Config
	host       json.RawMessage // runconfig.HostConfig; nil when not given
	networking json.RawMessage
	warnings   []string
}

// raw is a JSON object whose members are not looked into.
type raw = map[string]json.RawMessage

// decodeCreate takes a create body apart. Today's bodies pass as they are: the
// body is a Config with two members more, which the job ignores.
func decodeCreate(v version, body []byte) (createParts, error) {
	if body == nil {
		return createParts{}, errdefs.InvalidArgument("invalid JSON: got EOF while reading request body")
	}
	if v < v1(25) {
		return decodeClassicCreate(v, body)
	}
	var parts struct{ HostConfig, NetworkingConfig json.RawMessage }
	if err := decodeJSON(body, &parts); err != nil {
		return createParts{}, err
	}
	if body[0] != '{' {
		return createParts{}, errdefs.InvalidArgument("config cannot be empty in order to create a container")
	}
	return createParts{
		config:     body,
		host:       unlessNull(parts.HostConfig),
		networking: unlessNull(parts.NetworkingConfig),
	}, nil
}

func unlessNull(m json.RawMessage) json.RawMessage {
	if string(m) == "null" {
		return nil
	}
	return m
}

// decodeClassicCreate moves the members that have changed their place since:
// the limits and a few others were in Config once, and a HostConfig could be
// spread over the top level.
func decodeClassicCreate(v version, body []byte) (createParts, error) {
	top, err := classicObject(v, body)
	if err != nil {
		return createParts{}, err
	}
	host, given, err := member(v, top, "HostConfig")
	if err != nil {
		return createParts{}, err
	}
	networking := unlessNull(top["NetworkingConfig"])
	delete(top, "NetworkingConfig")
	var parts createParts
	if !given {
		for _, name := range hostMembers {
			move(top, host, name, name)
		}
	}
	moveLegacy(top, host)
	if ports, ok := top["PortSpecs"]; ok {
		delete(top, "PortSpecs")
		if parts.warnings, err = exposePortSpecs(top, ports); err != nil {
			return createParts{}, err
		}
	}
	normaliseHost(v, host)
	if parts.config, err = json.Marshal(top); err != nil {
		return createParts{}, invalidJSON(err)
	}
	if len(host) > 0 {
		if parts.host, err = json.Marshal(host); err != nil {
			return createParts{}, invalidJSON(err)
		}
	}
	parts.networking = networking
	return parts, nil
}

// decodeStart gives the host configuration of a start body, nil for none. One
// with at least one member replaces what was stored.
func decodeStart(v version, body []byte) (json.RawMessage, error) {
	if body == nil {
		return nil, nil
	}
	top, err := classicObject(v, body)
	if err != nil {
		return nil, err
	}
	host, given, err := member(v, top, "HostConfig")
	if err != nil {
		return nil, err
	}
	if !given {
		host = top
	}
	if len(host) == 0 {
		return nil, nil
	}
	moveLegacy(host, host)
	normaliseHost(v, host)
	return json.Marshal(host)
}

// classicObject decodes one level of an object of a classic body.
func classicObject(v version, body []byte) (raw, error) {
	var top raw
	if err := decodeJSON(body, &top); err != nil {
		return nil, err
	}
	if top == nil {
		top = raw{}
	}
	canonical(top)
	if v < v1(19) {
		loosen(top)
	}
	return top, nil
}

// member takes an object out of another; given is false when it is not there.
func member(v version, top raw, name string) (inner raw, given bool, err error) {
	body, ok := top[name]
	delete(top, name)
	if !ok || string(body) == "null" {
		return raw{}, false, nil
	}
	inner, err = classicObject(v, body)
	return inner, true, err
}

// move renames a member into another object, if it has a value and that has none.
func move(from, to raw, name, newName string) {
	value, ok := from[name]
	if !ok {
		return
	}
	delete(from, name)
	if there, ok := to[newName]; (!ok || zero(there)) && !zero(value) {
		to[newName] = value
	}
}

// zero tells whether a JSON value says nothing.
func zero(m json.RawMessage) bool {
	switch string(m) {
	case "", "null", "0", `""`, "false", "[]", "{}":
		return true
	}
	return false
}

// moveLegacy moves what older versions had in Config.
func moveLegacy(config, host raw) {
	for _, name := range []string{"Memory", "MemorySwap", "CpuShares", "CpusetCpus", "VolumeDriver", "Dns", "Privileged"} {
		move(config, host, name, name)
	}
	move(config, host, "Cpuset", "CpusetCpus")
	if value, ok := config["VolumesFrom"]; ok {
		var one string
		if json.Unmarshal(value, &one) == nil {
			delete(config, "VolumesFrom")
			if one != "" {
				host["VolumesFrom"] = mustJSON(strings.Split(one, ","))
			}
		} else {
			move(config, host, "VolumesFrom", "VolumesFrom")
		}
	}
}

// normaliseHost gives a host configuration of an old version today's meaning.
func normaliseHost(v version, host raw) {
	delete(host, "LxcConf")    // of a driver that is gone
	delete(host, "AutoRemove") // below 1.25 the client removes
	var shares int64
	if v < v1(19) && json.Unmarshal(host["CpuShares"], &shares) == nil && shares > 0 {
		host["CpuShares"] = mustJSON(min(max(shares, 2), 262144))
	}
}

// exposePortSpecs turns [[IP:]HOST:]PORT[/PROTO] into exposed ports.
func exposePortSpecs(config raw, specs json.RawMessage) (warnings []string, err error) {
	var list []string
	if err := json.Unmarshal(specs, &list); err != nil {
		return nil, errdefs.InvalidArgument("invalid JSON: PortSpecs must be a list of strings")
	}
	if len(list) == 0 {
		return nil, nil
	}
	ports := map[string]struct{}{}
	if there, ok := config["ExposedPorts"]; ok {
		if err := json.Unmarshal(there, &ports); err != nil {
			return nil, invalidJSON(err)
		}
	}
	for _, spec := range list {
		if i := strings.LastIndexByte(spec, ':'); i >= 0 {
			spec = spec[i+1:]
			warnings = []string{"The mapping to public ports on your host via Dockerfile EXPOSE " +
				"(host:port:port) has been deprecated. Use -p to publish the ports."}
		}
		if !strings.Contains(spec, "/") {
			spec += "/tcp"
		}
		if ports == nil {
			ports = map[string]struct{}{}
		}
		ports[spec] = struct{}{}
	}
	config["ExposedPorts"] = mustJSON(ports)
	return warnings, nil
}

// mustJSON encodes what cannot fail: strings, numbers, and collections of them.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}
