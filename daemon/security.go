package daemon

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

// What containers must not see, and see but not change, unless they say so.
var (
	maskedPaths = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
		"/sys/devices/virtual/powercap", "/sys/firmware",
	}
	readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

const unconfined = "unconfined"

// securityOptions resolves SecurityOpt, Privileged, the paths and what the daemon
// gives to containers that do not say. Both = and the classic : separate a key
// from its value.
func (d *Daemon) securityOptions(h *runconfig.HostConfig) (execdriver.Security, error) {
	s := execdriver.Security{
		Privileged: h.Privileged, MaskedPaths: h.MaskedPaths, ReadonlyPaths: h.ReadonlyPaths,
		NoNewPrivileges: d.opt.Defaults.NoNewPrivileges, Seccomp: d.opt.Defaults.Seccomp,
	}
	if s.MaskedPaths == nil {
		s.MaskedPaths = maskedPaths
	}
	if s.ReadonlyPaths == nil {
		s.ReadonlyPaths = readonlyPaths
	}
	for _, opt := range h.SecurityOpt {
		if err := securityOption(&s, opt); err != nil {
			return s, err
		}
	}
	if s.Seccomp != "" && s.Seccomp != unconfined && !strings.HasPrefix(strings.TrimSpace(s.Seccomp), "{") {
		return s, errdefs.InvalidArgument("invalid --security-opt seccomp: it must be unconfined, builtin or a profile in JSON")
	}
	if h.Privileged {
		s.Seccomp, s.MaskedPaths, s.ReadonlyPaths = unconfined, nil, nil
	}
	var err error
	s.AppArmor, err = d.appArmor.choose(s.AppArmor, h.Privileged)
	return s, err
}

// securityOption puts one option into s.
func securityOption(s *execdriver.Security, opt string) error {
	key, value, ok := strings.Cut(opt, "=")
	if !ok {
		key, value, ok = strings.Cut(opt, ":")
	}
	switch {
	case key == "no-new-privileges":
		on, err := strconv.ParseBool(value)
		if ok && err != nil {
			return errdefs.InvalidArgument("invalid --security-opt: %q", opt)
		}
		s.NoNewPrivileges = on || !ok
	case key == "seccomp" && ok && value != "builtin":
		s.Seccomp = value
	case key == "seccomp" && ok:
		s.Seccomp = ""
	case key == "systempaths" && value == unconfined:
		s.MaskedPaths, s.ReadonlyPaths = nil, nil
	case key == "apparmor" && ok:
		s.AppArmor = value
	case (key == "label" || key == "writable-cgroups") && ok, opt == "disable":
		// Labels are SELinux's, which this engine leaves alone: a host without it
		// ignores them, and none is made more open by that.
	default:
		return errdefs.InvalidArgument("invalid --security-opt: %q", opt)
	}
	return nil
}

// appArmor is what the host can do. The list of profiles is read each time: they
// come and go while a daemon runs.
type appArmor struct {
	on       bool   // for as long as the kernel runs
	profiles string // file of the loaded profiles, "NAME (MODE)" on each line
}

func hostAppArmor(sys string) appArmor {
	b, err := os.ReadFile(filepath.Join(sys, "module/apparmor/parameters/enabled"))
	return appArmor{err == nil && len(b) > 0 && b[0] == 'Y', filepath.Join(sys, "kernel/security/apparmor/profiles")}
}

// defaultProfile is the one that containers get where it is loaded.
const defaultProfile = "docker-default"

// loaded tells whether the kernel knows a profile.
func (a appArmor) loaded(name string) bool {
	b, err := os.ReadFile(a.profiles)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if i := strings.LastIndex(line, " ("); i >= 0 && line[:i] == name {
			return true
		}
	}
	return false
}

// choose gives the profile of a container that asks for one, "" for none: that
// which is asked for or an error, never less than what was asked for.
func (a appArmor) choose(asked string, privileged bool) (string, error) {
	switch {
	case asked == unconfined || !a.on && asked == "":
		if a.on {
			return unconfined, nil
		}
		return "", nil
	case !a.on:
		return "", errdefs.InvalidArgument("invalid --security-opt: \"apparmor=%s\": AppArmor is not enabled on this host", asked)
	case asked == "" && privileged:
		return unconfined, nil
	case asked == "" && a.loaded(defaultProfile):
		return defaultProfile, nil
	case asked == "":
		return unconfined, nil
	case strings.ContainsAny(asked, "\n\x00") || !a.loaded(asked):
		return "", errdefs.InvalidArgument("invalid --security-opt: \"apparmor=%s\": no such profile is loaded, "+
			"load it with apparmor_parser", asked)
	}
	return asked, nil
}

// securityFeatures is what info says of all this.
func (d *Daemon) securityFeatures(filters bool) []string {
	list := []string{}
	if d.appArmor.on {
		list = append(list, "name=apparmor")
	}
	if name := d.opt.Defaults.SeccompName; filters {
		if name == "" {
			name = "builtin"
		}
		list = append(list, "name=seccomp,profile="+name)
	}
	if d.opt.Defaults.NoNewPrivileges {
		list = append(list, "name=no-new-privileges")
	}
	return list
}
