package native

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
)

// capabilityList has the names in the order of their numbers.
var capabilityList = [...]string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

// capabilityBits makes a set of names: "CAP_CHOWN", "chown"; "ALL" is all.
func capabilityBits(names []string) (uint64, error) {
	var set uint64
	for _, name := range names {
		n := strings.TrimPrefix(strings.ToUpper(name), "CAP_")
		bit := uint64(0)
		for i, known := range capabilityList {
			if known == n {
				bit = 1 << i
			}
		}
		if n == "ALL" {
			bit = 1<<len(capabilityList) - 1
		}
		if bit == 0 {
			return 0, errdefs.InvalidArgument("unknown capability %q", name)
		}
		set |= bit
	}
	return set, nil
}

func capabilityNames(set uint64) []string {
	var names []string
	for i, name := range capabilityList {
		if set&(1<<i) != 0 {
			names = append(names, "CAP_"+name)
		}
	}
	return names
}

// hostCapabilities is what the daemon itself may use, and so can give.
func hostCapabilities() (uint64, error) {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if err := unix.Capget(&h, &d[0]); err != nil {
		return 0, err
	}
	return uint64(d[0].Permitted) | uint64(d[1].Permitted)<<32, nil
}
