package runconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

func (f *Flags) parseRights(_ *Config, h *HostConfig, _ Lookup) error {
	h.Privileged = f.privileged
	h.CapAdd, h.CapDrop, h.GroupAdd = f.capAdd, f.capDrop, f.groupAdd
	h.Runtime, h.Isolation, h.DeviceCgroupRules = f.runtime, f.isolation, f.deviceRules
	var err error
	if h.SecurityOpt, err = readSecurityOpts(f.securityOpt); err != nil {
		return err
	}
	for _, text := range f.devices {
		d, err := ParseDevice(text)
		if err != nil {
			return err
		}
		h.Devices = append(h.Devices, d)
	}
	for _, text := range f.gpus {
		r, err := ParseGPUs(text)
		if err != nil {
			return err
		}
		h.DeviceRequests = append(h.DeviceRequests, r)
	}
	for _, text := range f.lxcConf {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("Unable to parse key/value option: %s", text)
		}
		h.LxcConf = append(h.LxcConf, KeyValue{strings.TrimSpace(key), strings.TrimSpace(value)})
	}
	if h.Sysctls, err = keyValues(f.sysctls, "sysctl"); err != nil {
		return err
	}
	return f.parseNamespaces(h)
}

func (f *Flags) parseNamespaces(h *HostConfig) error {
	joins := func(mode string) bool {
		ref, ok := strings.CutPrefix(mode, "container:")
		return ok && ref != ""
	}
	switch f.ipc {
	case "", "host", "private", "shareable", "none":
	default:
		if !joins(f.ipc) {
			return errors.New("--ipc: invalid IPC mode")
		}
	}
	if f.pid != "" && f.pid != "host" && !joins(f.pid) {
		return errors.New("--pid: invalid PID mode")
	}
	if f.uts != "" && f.uts != "host" {
		return errors.New("--uts: invalid UTS mode")
	}
	if f.userns != "" && f.userns != "host" {
		return errors.New("--userns: invalid USER mode")
	}
	if f.cgroupns != "" && f.cgroupns != "host" && f.cgroupns != "private" {
		return errors.New("--cgroupns: invalid CGROUP mode")
	}
	h.IpcMode, h.PidMode, h.UTSMode, h.UsernsMode, h.CgroupnsMode = f.ipc, f.pid, f.uts, f.userns, f.cgroupns
	return nil
}

// readSecurityOpts replaces the name of a seccomp profile by its text, because
// the daemon may run on another host.
func readSecurityOpts(list []string) ([]string, error) {
	out := make([]string, 0, len(list))
	for _, opt := range list {
		name, ok := strings.CutPrefix(opt, "seccomp=")
		if !ok || name == "unconfined" || name == "builtin" || strings.HasPrefix(name, "{") {
			out = append(out, opt)
			continue
		}
		profile, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("opening seccomp profile: %w", err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, profile); err != nil {
			return nil, fmt.Errorf("reading seccomp profile %s: it is not JSON: %w", name, err)
		}
		out = append(out, "seccomp="+compact.String())
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// ParseDevice reads host[:container[:permissions]] and host:permissions.
func ParseDevice(text string) (DeviceMapping, error) {
	parts := strings.Split(text, ":")
	d := DeviceMapping{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
	bad := fmt.Errorf("Invalid device specification: %s", text)
	switch len(parts) {
	case 1:
	case 2:
		if devicePermissions(parts[1]) {
			d.CgroupPermissions = parts[1]
		} else {
			d.PathInContainer = parts[1]
		}
	case 3:
		if !devicePermissions(parts[2]) {
			return d, bad
		}
		d.PathInContainer, d.CgroupPermissions = parts[1], parts[2]
	default:
		return d, bad
	}
	if d.PathOnHost == "" {
		return d, bad
	}
	if !strings.HasPrefix(d.PathInContainer, "/") {
		return d, fmt.Errorf("%s is not an absolute path", d.PathInContainer)
	}
	return d, nil
}

// devicePermissions tells whether text is one to three different letters of
// rwm.
func devicePermissions(text string) bool {
	if text == "" || len(text) > 3 {
		return false
	}
	for i, r := range text {
		if !strings.ContainsRune("rwm", r) || strings.ContainsRune(text[:i], r) {
			return false
		}
	}
	return true
}
