package server

import "strings"

// shapeInfo edits the answer of info.
func shapeInfo() []shape {
	return []shape{
		since(50, drop("BridgeNfIptables", "BridgeNfIp6tables")),
		before(25, func(m members) {
			options, _ := m["SecurityOptions"].([]any)
			for i, option := range options { // "name=seccomp,profile=builtin" was "seccomp"
				if s, ok := option.(string); ok {
					s, _, _ = strings.Cut(strings.TrimPrefix(s, "name="), ",")
					options[i] = s
				}
			}
		}),
		before(22, drop("OSType", "Architecture", "ContainersRunning", "ContainersPaused", "ContainersStopped")),
		before(19, func(m members) { // truth was a number
			for _, name := range []string{"Debug", "IPv4Forwarding", "MemoryLimit", "SwapLimit"} {
				m[name] = map[bool]int{true: 1}[m[name] == true]
			}
		}),
	}
}

// shapeVersion edits the answer of version.
func shapeVersion() []shape {
	return []shape{
		before(35, drop("Platform", "Components")),
		before(25, drop("MinAPIVersion")),
	}
}

// shapeEvent edits one event; false means that the version does not know such.
func shapeEvent(v version, m members) bool {
	if v >= v1(52) {
		forget(m, "status", "id", "from")
	}
	if v < v1(22) {
		keepOnly(m, "status", "id", "from", "time", "timeNano")
		bareID(m, "id")
		return str(m, "status") != ""
	}
	return true
}

// eventsDiffer tells whether events must be edited at all.
func eventsDiffer(v version) bool { return v >= v1(52) || v < v1(22) }
