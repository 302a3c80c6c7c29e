package server

import "strings"

// shapeInfo edits the answer of info.
func shapeInfo() []shape {
	return []shape{
		since(50, drop("BridgeNfIptables", "BridgeNfIp6tables")),
		since(25, drop("ExecutionDriver")),
		before(52, func(m members) { m["KernelMemoryTCP"] = false }),
		before(49, func(m members) {
			forget(m, "FirewallBackend")
			for _, name := range []string{"ContainerdCommit", "RuncCommit", "InitCommit"} {
				commit := sub(m, name)
				commit["Expected"] = str(commit, "ID")
			}
			if registries, ok := m["RegistryConfig"].(members); ok {
				registries["AllowNondistributableArtifactsCIDRs"] = []any{}
				registries["AllowNondistributableArtifactsHostnames"] = []any{}
			}
		}),
		before(44, drop("CDISpecDirs")),
		before(42, func(m members) { m["KernelMemory"] = false }),
		before(39, drop("OSVersion")),
		before(25, func(m members) {
			options, _ := m["SecurityOptions"].([]any)
			for i, option := range options { // "name=seccomp,profile=builtin" was "seccomp"
				if s, ok := option.(string); ok {
					s, _, _ = strings.Cut(strings.TrimPrefix(s, "name="), ",")
					options[i] = s
				}
			}
		}),
		before(22, func(m members) { m["InitPath"], m["InitSha1"] = m["InitBinary"], "" }),
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

// eventsDiffer tells whether events must be edited at all.
func eventsDiffer(v version) bool { return v >= v1(52) || v < v1(22) }
