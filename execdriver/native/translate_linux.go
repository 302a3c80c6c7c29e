package native

import (
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/execproto"
	"github.com/enginejobs/docker/execdriver/native/initproto"
	"github.com/enginejobs/docker/pkg/cgroups"
)

// translation is a Command in numbers: what the exec engine and the init do.
type translation struct {
	spec     execproto.Spec
	setup    initproto.Setup
	warnings []string
}

// translate turns names into numbers. Everything that can be wrong with a
// command by itself is found here, before anything is made.
func (d *Driver) translate(cmd *execdriver.Command) (*translation, error) {
	t := &translation{}
	p := &cmd.Process
	if len(p.Args) == 0 {
		return nil, errdefs.InvalidArgument("container %s has no command to run", cmd.ID)
	}
	parent := cmd.CgroupParent
	if parent == "" {
		parent = d.opt.CgroupParent
	}
	t.spec = execproto.Spec{
		ID: cmd.ID, Log: cmd.Log, CgroupParent: parent, Limits: limits(cmd),
		Tty: p.Tty, OpenStdin: p.OpenStdin,
	}
	group := d.layout.Open(parent, cmd.ID)
	s := &t.setup
	s.Timings = d.opt.Timings != nil
	s.Scratch = d.path("scratch")
	s.Tasks = group.Tasks()
	sort.Strings(s.Tasks)
	s.Tty, s.Rows, s.Cols = p.Tty, p.Height, p.Width
	s.Hostname, s.Domain = cmd.Hostname, cmd.Domainname
	s.Masked, s.ReadOnly, s.RootRO = cmd.Security.MaskedPaths, cmd.Security.ReadonlyPaths, cmd.ReadonlyFS
	s.OOMScore = int32(p.OOMScore)
	s.User, s.Groups, s.Dir, s.Args, s.Env = p.User, p.Groups, p.Dir, p.Args, p.Env
	s.Reaper = cmd.UseInit
	s.SelfPath = "/proc/self/exe"
	for name, value := range cmd.Sysctls {
		s.Sysctls = append(s.Sysctls, initproto.Link{Path: strings.ReplaceAll(name, ".", "/"), Target: value})
	}
	namespaces(cmd, t)
	if err := mounts(cmd, group, s); err != nil {
		return nil, err
	}
	if err := devices(cmd, s); err != nil {
		return nil, err
	}
	if err := d.rights(&cmd.Security, t); err != nil {
		return nil, err
	}
	return t, rlimits(cmd.Resources.Rlimits, s)
}

// namespaces chooses what the clone makes and what the init enters.
func namespaces(cmd *execdriver.Command, t *translation) {
	flags := uint64(unix.CLONE_NEWNS)
	join := func(choice string, flag uint32) bool {
		switch choice {
		case "":
			flags |= uint64(flag)
			return true
		case "host":
		default:
			t.setup.Join = append(t.setup.Join, initproto.Join{Flag: flag, Path: choice})
		}
		return false
	}
	n := &cmd.Namespaces
	t.setup.Loopback = join(n.Net, unix.CLONE_NEWNET)
	join(n.IPC, unix.CLONE_NEWIPC)
	if !join(n.UTS, unix.CLONE_NEWUTS) {
		t.setup.Hostname, t.setup.Domain = "", "" // somebody else's
	}
	switch n.PID {
	case "":
		flags |= unix.CLONE_NEWPID
	case "host":
	default:
		t.spec.PIDPath = n.PID
	}
	switch n.Cgroup {
	case "":
		t.setup.Unshare = unix.CLONE_NEWCGROUP // its root is the group that was joined
	case "host":
	default:
		join(n.Cgroup, unix.CLONE_NEWCGROUP)
	}
	t.spec.CloneFlags = flags
}

func limits(cmd *execdriver.Command) cgroups.Limits {
	l := groupLimits(&cmd.Resources)
	if cmd.Security.Privileged {
		return l
	}
	l.DenyDevices = true
	l.Devices = append(l.Devices, defaultRules...)
	for _, dev := range cmd.Devices {
		if dev.Permissions != "" {
			l.Devices = append(l.Devices, cgroups.Rule{
				Type: dev.Type, Major: dev.Major, Minor: dev.Minor, Permissions: dev.Permissions,
			})
		}
	}
	return l
}

// rights resolves capabilities and the system call filter.
func (d *Driver) rights(sec *execdriver.Security, t *translation) error {
	caps, err := capabilityBits(sec.Capabilities)
	if err != nil {
		return err
	}
	if missing := caps &^ d.caps; missing != 0 && !sec.Privileged {
		t.warnings = append(t.warnings, "the host itself lacks "+strings.Join(capabilityNames(missing), ", "))
	}
	t.setup.Caps, t.setup.NoNewPriv, t.setup.AppArmor = caps&d.caps, sec.NoNewPrivileges, sec.AppArmor
	return d.filter(sec, &t.setup)
}

var rlimitNumbers = map[string]uint32{
	"cpu": 0, "fsize": 1, "data": 2, "stack": 3, "core": 4, "rss": 5, "nproc": 6, "nofile": 7, "memlock": 8,
	"as": 9, "locks": 10, "sigpending": 11, "msgqueue": 12, "nice": 13, "rtprio": 14, "rttime": 15,
}

func rlimits(list []execdriver.Rlimit, s *initproto.Setup) error {
	for _, r := range list {
		n, ok := rlimitNumbers[strings.ToLower(r.Name)]
		if !ok {
			return errdefs.InvalidArgument("unknown ulimit %q", r.Name)
		}
		if r.Soft > r.Hard {
			return errdefs.InvalidArgument("ulimit %s: the soft limit %d is above the hard limit %d", r.Name, r.Soft, r.Hard)
		}
		s.Rlimits = append(s.Rlimits, initproto.Rlimit{Resource: n, Name: r.Name, Soft: r.Soft, Hard: r.Hard})
	}
	return nil
}

// cleanTarget makes a path inside the container absolute and canonical as far as
// text goes.
func cleanTarget(path string) string { return filepath.Clean("/" + path) }
