package daemon

import (
	"fmt"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

// fillNamespaces settles the modes that inspect shows. what is what the daemon
// gives to containers that name none.
func (d *Daemon) fillNamespaces(h *runconfig.HostConfig, what Defaults) {
	if h.IpcMode == "" {
		h.IpcMode = what.IpcMode
	}
	if h.IpcMode == "" {
		h.IpcMode = "private"
	}
	if h.CgroupnsMode == "" {
		h.CgroupnsMode = what.CgroupnsMode
	}
	if h.CgroupnsMode != "" {
		return
	}
	h.CgroupnsMode = "host"
	if d.execInfo.CgroupVersion == "2" {
		h.CgroupnsMode = "private"
	}
}

// namespaces resolves which ones are private, the host's or another container's.
func (d *Daemon) namespaces(s *snapshot, cmd *execdriver.Command) (execdriver.Namespaces, error) {
	ns := execdriver.Namespaces{Net: s.net.SandboxKey}
	kind, ref := networkMode(s.host)
	switch kind {
	case "host":
		ns.Net = "host"
	case "container":
		other, err := d.joinable(ref, "network")
		if err != nil {
			return ns, err
		}
		ns.Net = nsPath(other, "net")
		cmd.Hostname, cmd.Domainname = other.rec.Config.Hostname, other.rec.Config.Domainname
	}
	var err error
	if ns.IPC, err = d.ipcNamespace(s.host.IpcMode); err != nil {
		return ns, err
	}
	if s.host.IpcMode == "none" {
		cmd.ShmSize = -1
	}
	if ns.PID, err = d.pidNamespace(s.host.PidMode); err != nil {
		return ns, err
	}
	if s.host.UTSMode == "host" {
		ns.UTS = "host"
	}
	if s.host.CgroupnsMode == "host" {
		ns.Cgroup = "host"
	}
	return ns, nil
}

// ipcNamespace finds the ipc namespace of a mode. One of another container
// brings its /dev/shm, which it must have meant to share.
func (d *Daemon) ipcNamespace(mode string) (string, error) {
	ref, joins := strings.CutPrefix(mode, "container:")
	switch {
	case mode == "host":
		return "host", nil
	case !joins:
		return "", nil
	}
	other, err := d.joinable(ref, "IPC")
	if err != nil {
		return "", err
	}
	switch their := other.host.IpcMode; {
	case their == "shareable", their == "host", strings.HasPrefix(their, "container:"):
		return nsPath(other, "ipc"), nil
	}
	return "", errdefs.Conflict("can't join IPC of container %s: non-shareable IPC "+
		"(hint: use IpcMode:shareable for the donor container)", ref)
}

func (d *Daemon) pidNamespace(mode string) (string, error) {
	ref, joins := strings.CutPrefix(mode, "container:")
	switch {
	case mode == "host":
		return "host", nil
	case !joins:
		return "", nil
	}
	other, err := d.joinable(ref, "PID namespace")
	if err != nil {
		return "", err
	}
	return nsPath(other, "pid"), nil
}

// joinable finds a running container whose namespace another one may join.
func (d *Daemon) joinable(ref, what string) (*snapshot, error) {
	other, err := d.containers.find(ref)
	if err != nil {
		return nil, fmt.Errorf("can't join %s of container %s: %w", what, ref, err)
	}
	s := other.now()
	switch {
	case s.state.again():
		return nil, errdefs.Conflict("can't join %s of container %s: container %s is restarting", what, ref, s.rec.ID)
	case s.state.Pid == 0:
		return nil, errdefs.Conflict("can't join %s of container %s: container %s is not running", what, ref, s.rec.ID)
	}
	return s, nil
}

func nsPath(s *snapshot, file string) string { return fmt.Sprintf("/proc/%d/ns/%s", s.state.Pid, file) }
