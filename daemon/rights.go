package daemon

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

// knownCaps are all capabilities in the order of their numbers.
var knownCaps = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

// defaultCaps are those of a container that asks for nothing.
var defaultCaps = []string{
	"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
	"NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
}

// capabilities resolves CapAdd and CapDrop to the final set. An explicit add
// wins over the same name in drop; ALL in drop begins from nothing, ALL in add
// from everything.
func capabilities(h *runconfig.HostConfig) ([]string, error) {
	drop, dropAll, err := capNames(h.CapDrop, "Unknown capability drop: %q")
	if err != nil {
		return nil, err
	}
	add, addAll, err := capNames(h.CapAdd, "Unknown capability to add: %q")
	if err != nil {
		return nil, err
	}
	base := defaultCaps
	if h.Privileged {
		return withPrefix(knownCaps), nil
	}
	if addAll {
		base = knownCaps
	}
	var final []string
	if !dropAll {
		for _, c := range base {
			if !slices.Contains(drop, c) {
				final = append(final, c)
			}
		}
	}
	for _, c := range add {
		if !slices.Contains(final, c) {
			final = append(final, c)
		}
	}
	return withPrefix(final), nil
}

func capNames(list []string, complaint string) (names []string, all bool, err error) {
	for _, raw := range list {
		name := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(raw)), "CAP_")
		switch {
		case name == "ALL":
			all = true
		case !slices.Contains(knownCaps, name):
			return nil, false, errdefs.InvalidArgument(complaint, raw)
		default:
			names = append(names, name)
		}
	}
	return names, all, nil
}

func withPrefix(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = "CAP_" + n
	}
	return out
}

// deviceRule reads "c 1:3 rwm"; * stands for any number or, as type a, any device.
func deviceRule(text string) (execdriver.Device, error) {
	dev := execdriver.Device{RuleOnly: true, Major: -1, Minor: -1}
	var kind, numbers string
	n, _ := fmt.Sscan(text, &kind, &numbers, &dev.Permissions)
	major, minor, ok := strings.Cut(numbers, ":")
	if n != 3 || !ok || len(kind) != 1 || !strings.Contains("abc", kind) || strings.Trim(dev.Permissions, "rwm") != "" {
		return dev, errdefs.InvalidArgument("invalid device cgroup rule format: '%s'", text)
	}
	dev.Type = kind[0]
	for _, part := range []struct {
		text string
		to   *int64
	}{{major, &dev.Major}, {minor, &dev.Minor}} {
		if part.text == "*" {
			continue
		}
		v, err := strconv.ParseUint(part.text, 10, 32)
		if err != nil {
			return dev, errdefs.InvalidArgument("invalid device cgroup rule format: '%s'", text)
		}
		*part.to = int64(v)
	}
	return dev, nil
}

// devices resolves what the host lends.
func devices(h *runconfig.HostConfig) ([]execdriver.Device, error) {
	var list []execdriver.Device
	if h.Privileged {
		list = hostDevices("/dev", "/dev", "rwm")
	}
	for _, m := range h.Devices {
		inside, perms := m.PathInContainer, m.CgroupPermissions
		if inside == "" {
			inside = m.PathOnHost
		}
		if perms == "" {
			perms = "rwm"
		}
		path, err := filepath.EvalSymlinks(m.PathOnHost)
		if err != nil {
			return nil, errdefs.InvalidArgument("error gathering device information while adding custom device %q: %w",
				m.PathOnHost, err)
		}
		found := hostDevices(path, inside, perms)
		if len(found) == 0 {
			return nil, errdefs.InvalidArgument("error gathering device information while adding custom device %q: "+
				"not a device node", m.PathOnHost)
		}
		list = append(list, found...)
	}
	for _, text := range h.DeviceCgroupRules {
		rule, err := deviceRule(text)
		if err != nil {
			return nil, err
		}
		list = append(list, rule)
	}
	return list, nil
}

// hostDevices describes the node at path, or those below it.
func hostDevices(path, inside, perms string) []execdriver.Device {
	var list []execdriver.Device
	_ = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what vanishes meanwhile is not a device
		}
		if e.IsDir() {
			if p != path && slices.Contains([]string{"pts", "shm", "fd", "mqueue", "console"}, e.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		var st unix.Stat_t
		if e.Type()&fs.ModeDevice == 0 || unix.Lstat(p, &st) != nil || e.Name() == "console" {
			return nil
		}
		kind := byte('b')
		if st.Mode&unix.S_IFMT == unix.S_IFCHR {
			kind = 'c'
		}
		list = append(list, execdriver.Device{
			Path: inside + strings.TrimPrefix(p, path), Type: kind, Major: int64(unix.Major(st.Rdev)),
			Minor: int64(unix.Minor(st.Rdev)), Permissions: perms, Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid,
		})
		return nil
	})
	return list
}

// forwarding tells whether the host passes packets on.
func forwarding(procDir string) bool {
	return switchedOn(procDir + "/sys/net/ipv4/ip_forward")
}
