package server

import "strings"

// shapeContainers edits the list of containers.
func shapeContainers() []shape {
	return []shape{
		trimRows(0, 23, "State", "Mounts"),
		trimRows(0, 22, "HostConfig", "NetworkSettings"),
		rowsBefore(22, func(m members) {
			bareID(m, "ImageID")
			if ref := str(m, "Image"); strings.HasPrefix(ref, "sha256:") && len(ref) >= 19 {
				m["Image"] = ref[7:19]
			}
		}),
		trimRows(0, 21, "ImageID"),
		trimRows(0, 18, "Labels"),
	}
}

// shapeInspect edits one container.
func shapeInspect() []shape {
	return []shape{
		before(24, func(m members) { forget(sub(m, "State"), "Health") }),
		before(22, func(m members) {
			bareID(m, "Image")
			sub(m, "HostConfig")["LxcConf"] = []any{}
		}),
		before(21, func(m members) {
			forget(sub(m, "NetworkSettings"), "Networks", "SandboxID", "SecondaryIPAddresses", "SecondaryIPv6Addresses")
			sub(m, "NetworkSettings")["PortMapping"] = nil
			forget(sub(m, "State"), "Status")
		}),
		before(20, volumesOfMounts),
		before(20, legacyConfig),
		before(12, rawInspect),
	}
}

// volumesOfMounts gives mounts the form that they had below 1.20: two maps from
// the path in the container, to the path on the host and to "may write".
func volumesOfMounts(m members) {
	paths, writable := members{}, members{}
	mounts, _ := m["Mounts"].([]any)
	for _, entry := range mounts {
		if mount, ok := entry.(members); ok {
			paths[str(mount, "Destination")] = str(mount, "Source")
			writable[str(mount, "Destination")] = mount["RW"]
		}
	}
	m["Volumes"], m["VolumesRW"] = paths, writable
	forget(m, "Mounts", "GraphDriver")
}

// legacyConfig shows the limits in Config, where they were below 1.20.
func legacyConfig(m members) {
	config, host := sub(m, "Config"), sub(m, "HostConfig")
	for _, name := range []string{"Memory", "MemorySwap", "CpuShares"} {
		config[name] = host[name]
	}
	config["Cpuset"] = host["CpusetCpus"]
	config["VolumeDriver"] = host["VolumeDriver"]
	always := members{"MacAddress": "", "NetworkDisabled": false, "ExposedPorts": nil, "PortSpecs": nil}
	for name, zero := range always {
		if _, there := config[name]; !there {
			config[name] = zero
		}
	}
}

// rawInspect is the shape below 1.12, which was that of the daemon's own file.
func rawInspect(m members) {
	m["ID"] = m["Id"]
	forget(m, "Id", "ExecIDs")
}
