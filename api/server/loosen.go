package server

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Kinds of members of the classic bodies.
type memberKind int

const (
	isObject memberKind = iota // strict, whatever is inside
	isText
	isInt
	isFlag
	isList
)

// configMembers and hostMembers are the members of the classic bodies. Below
// 1.19 the types of the top level were loose: a number was as good as its text,
// and a string as good as a list of it.
var configMembers = map[string]memberKind{
	"Hostname": isText, "Domainname": isText, "User": isText, "Memory": isInt, "MemorySwap": isInt,
	"CpuShares": isInt, "Cpuset": isText, "AttachStdin": isFlag, "AttachStdout": isFlag, "AttachStderr": isFlag,
	"PortSpecs": isList, "ExposedPorts": isObject, "Tty": isFlag, "OpenStdin": isFlag, "StdinOnce": isFlag,
	"Env": isList, "Cmd": isList, "Entrypoint": isList, "Dns": isList, "Image": isText, "Volumes": isObject,
	"WorkingDir": isText, "NetworkDisabled": isFlag, "Privileged": isFlag, "OnBuild": isList, "MacAddress": isText,
	"Labels": isObject, "HostConfig": isObject, "NetworkingConfig": isObject, "VolumeDriver": isText,
	"StopSignal": isText, "VolumesFrom": isObject, // a string in Config, a list in HostConfig
	"Binds": isList, "ContainerIDFile": isText, "LxcConf": isObject, "CpusetCpus": isText, "CpusetMems": isText,
	"PortBindings": isObject, "Links": isList, "PublishAllPorts": isFlag, "DnsSearch": isList, "ExtraHosts": isList,
	"Devices": isObject, "NetworkMode": isText, "IpcMode": isText, "PidMode": isText, "CapAdd": isList,
	"CapDrop": isList, "RestartPolicy": isObject, "SecurityOpt": isList, "ReadonlyRootfs": isFlag,
	"Ulimits": isObject, "LogConfig": isObject, "CgroupParent": isText,
	"Detach": isFlag, // of the start of an exec
}

// hostMembers may stand at the top level of a create body of 1.18 and later
// that has no HostConfig.
var hostMembers = []string{
	"Binds", "ContainerIDFile", "Memory", "MemorySwap", "CpuShares", "CpusetCpus", "CpusetMems", "Privileged",
	"PortBindings", "Links", "PublishAllPorts", "Dns", "DnsSearch", "ExtraHosts", "Devices", "NetworkMode",
	"IpcMode", "PidMode", "CapAdd", "CapDrop", "RestartPolicy", "SecurityOpt", "ReadonlyRootfs", "Ulimits",
	"LogConfig", "CgroupParent",
}

// canonical gives known members their exact spelling: JSON names are compared
// without case everywhere else.
func canonical(top raw) {
	for name, value := range top {
		if _, known := configMembers[name]; known {
			continue
		}
		for want := range configMembers {
			if strings.EqualFold(name, want) {
				delete(top, name)
				if _, taken := top[want]; !taken {
					top[want] = value
				}
				break
			}
		}
	}
}

// loosen converts the members of one object to their types where that is
// possible, and drops those that are null.
func loosen(top raw) {
	for name, value := range top {
		if string(value) == "null" {
			delete(top, name)
			continue
		}
		if fixed, ok := convert(value, configMembers[name]); ok {
			top[name] = fixed
		}
	}
}

// convert gives a value of another type the wanted one; false leaves it alone.
func convert(value json.RawMessage, want memberKind) (json.RawMessage, bool) {
	if len(value) == 0 {
		return nil, false
	}
	text, quoted := string(value), value[0] == '"'
	if quoted {
		if json.Unmarshal(value, &text) != nil {
			return nil, false
		}
	}
	scalar := quoted || value[0] != '{' && value[0] != '['
	switch {
	case !scalar:
		return nil, false
	case want == isText && !quoted:
		return mustJSON(text), true
	case want == isList && quoted:
		return mustJSON([]string{text}), true
	case want == isFlag:
		return mustJSON(truthy(text)), true
	case want == isInt:
		if f, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil && f >= -1<<53 && f <= 1<<53 {
			if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
				return mustJSON(n), true
			}
			return mustJSON(int64(f)), true
		}
	}
	return nil, false
}
