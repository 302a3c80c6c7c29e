package daemon

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/moby/sys/signal"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/pkg/etchosts"
	"github.com/enginejobs/docker/pkg/names"
	"github.com/enginejobs/docker/runconfig"
	"github.com/enginejobs/docker/volumes"
)

// validate judges the documents of a create or start before anything is made.
func (d *Daemon) validate(c *runconfig.Config, h *runconfig.HostConfig) error {
	for _, check := range []func(*runconfig.Config, *runconfig.HostConfig) error{
		checkProcess, checkHealth, checkPorts, checkNamespaces, checkNetwork, d.checkRights, checkRestart, d.checkLimits, checkSupported,
	} {
		if err := check(c, h); err != nil {
			return err
		}
	}
	return nil
}

func checkProcess(c *runconfig.Config, _ *runconfig.HostConfig) error {
	if c.Hostname != "" && (len(c.Hostname) > 64 || !names.ValidHostname(c.Hostname)) {
		return errdefs.InvalidArgument("invalid hostname format: %s", c.Hostname)
	}
	if c.MacAddress != "" {
		if mac, err := net.ParseMAC(c.MacAddress); err != nil || len(mac) != 6 {
			return errdefs.InvalidArgument("invalid MAC address %q: want six bytes like 02:42:0a:00:00:02", c.MacAddress)
		}
	}
	if c.WorkingDir != "" {
		if !path.IsAbs(c.WorkingDir) {
			return errdefs.InvalidArgument("the working directory '%s' is invalid, it needs to be an absolute path", c.WorkingDir)
		}
		c.WorkingDir = path.Clean(c.WorkingDir)
	}
	for _, e := range c.Env {
		if key, _, _ := strings.Cut(e, "="); key == "" || strings.ContainsRune(e, 0) {
			return errdefs.InvalidArgument("invalid environment variable: %q", e)
		}
	}
	if c.StopSignal != "" {
		if _, err := parseSignal(c.StopSignal); err != nil {
			return err
		}
	}
	for _, word := range slices.Concat(c.Entrypoint, c.Cmd) {
		if strings.ContainsRune(word, 0) {
			return errdefs.InvalidArgument("the command must not contain a zero byte: %q", word)
		}
	}
	return nil
}

// parseSignal reads a number or a name with or without SIG.
func parseSignal(text string) (int, error) {
	sig, err := signal.ParseSignal(text)
	if err != nil || sig <= 0 || sig > 64 {
		return 0, errdefs.InvalidArgument("Invalid signal: %s", text)
	}
	return int(sig), nil
}

func checkPorts(c *runconfig.Config, h *runconfig.HostConfig) error {
	for p := range c.ExposedPorts {
		if err := checkPort(p); err != nil {
			return err
		}
	}
	for p, bindings := range h.PortBindings {
		if err := checkPort(p); err != nil {
			return err
		}
		for _, b := range bindings {
			if _, _, err := hostPorts(b.HostPort); err != nil {
				return err
			}
			if b.HostIp != "" {
				if _, err := netip.ParseAddr(b.HostIp); err != nil {
					return errdefs.InvalidArgument("invalid IP address %q in the bindings of port %s", b.HostIp, p)
				}
			}
		}
	}
	return nil
}

func checkPort(p runconfig.Port) error {
	n, proto := p.Split()
	if n == 0 || proto != "tcp" && proto != "udp" && proto != "sctp" {
		return errdefs.InvalidArgument("invalid port specification: %q", string(p))
	}
	return nil
}

// hostPorts reads "", "8080" or "8000-8010"; 0 means any.
func hostPorts(text string) (first, last int, err error) {
	if text == "" || text == "0" {
		return 0, 0, nil
	}
	a, b, isRange := strings.Cut(text, "-")
	if !isRange {
		b = a
	}
	first, _ = runconfig.Port(a).Split()
	last, _ = runconfig.Port(b).Split()
	if first == 0 || last < first || strings.Contains(text, "/") {
		return 0, 0, errdefs.InvalidArgument("invalid port specification: %q", text)
	}
	return first, last, nil
}

func checkNamespaces(c *runconfig.Config, h *runconfig.HostConfig) error {
	for _, ns := range []struct{ name, value, words string }{
		{"IPC", h.IpcMode, " private shareable host none "}, {"PID", h.PidMode, " host "},
		{"UTS", h.UTSMode, " host "}, {"cgroup namespace", h.CgroupnsMode, " private host "},
		{"user namespace", h.UsernsMode, " host "},
	} {
		ref, joins := strings.CutPrefix(ns.value, "container:")
		switch {
		case ns.value == "" || strings.Contains(ns.words, " "+ns.value+" "):
		case joins && ref != "" && (ns.name == "IPC" || ns.name == "PID"):
		default:
			return errdefs.InvalidArgument("invalid %s mode: %s", ns.name, ns.value)
		}
	}
	if h.UTSMode == "host" && c.Hostname != "" {
		return conflicting("hostname and the UTS mode")
	}
	if h.Isolation != "" && h.Isolation != "default" {
		return errdefs.InvalidArgument("invalid isolation %q on linux: only default is known", h.Isolation)
	}
	if h.Runtime != "" && h.Runtime != "native" && h.Runtime != "runc" {
		return errdefs.InvalidArgument("unknown or invalid runtime name: %s", h.Runtime)
	}
	return nil
}

// networkMode gives the kind of network: bridge, none, host, container, or
// other with the name of a network.
func networkMode(h *runconfig.HostConfig) (kind, ref string) {
	switch h.NetworkMode {
	case "", "default", "bridge":
		return "bridge", ""
	case "none", "host":
		return h.NetworkMode, ""
	}
	if ref, ok := h.NetworkContainer(); ok {
		return "container", ref
	}
	return "other", h.NetworkMode
}

func checkNetwork(c *runconfig.Config, h *runconfig.HostConfig) error {
	kind, ref := networkMode(h)
	switch kind {
	case "container":
		if ref == "" {
			return errdefs.InvalidArgument("no container specified to join network")
		}
		if c.Hostname != "" {
			return conflicting("hostname and the network mode")
		}
		if c.MacAddress != "" {
			return conflicting("mac-address and the network mode")
		}
		if len(h.Dns)+len(h.DnsSearch)+len(h.DnsOptions) > 0 {
			return conflicting("dns and the network mode")
		}
		if len(h.ExtraHosts) > 0 {
			return conflicting("custom host-to-IP mapping and the network mode")
		}
		if len(h.PortBindings) > 0 || h.PublishAllPorts {
			return conflicting("port publishing and the container type network mode")
		}
	}
	if len(h.Links) > 0 && kind != "bridge" && kind != "other" {
		return errdefs.InvalidArgument("Conflicting options: --net=%s can't be used with links. "+
			"This would result in undefined behavior.", kind)
	}
	for _, ip := range h.Dns {
		if _, err := netip.ParseAddr(ip); err != nil {
			return errdefs.InvalidArgument("invalid DNS server %q: it must be an IP address", ip)
		}
	}
	for _, spec := range h.ExtraHosts {
		if _, err := etchosts.ParseExtra(spec, "127.0.0.1"); err != nil {
			return errdefs.As(errdefs.KindInvalidArgument, err)
		}
	}
	for key := range h.Sysctls {
		if err := checkSysctl(key, kind, h.IpcMode); err != nil {
			return err
		}
	}
	return nil
}

func conflicting(what string) error {
	return errdefs.InvalidArgument("conflicting options: %s", what)
}

// checkSysctl lets only those pass that have a value per container.
func checkSysctl(key, network, ipc string) error {
	switch {
	case strings.HasPrefix(key, "net."):
		if network == "host" || network == "container" {
			return errdefs.InvalidArgument("sysctl '%s' not allowed in %s network namespace", key, network)
		}
	case strings.HasPrefix(key, "fs.mqueue."), slices.Contains([]string{
		"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
		"kernel.shmmni", "kernel.shm_rmid_forced",
	}, key):
		if ipc == "host" {
			return errdefs.InvalidArgument("sysctl '%s' not allowed in host ipc namespace", key)
		}
	case key == "kernel.domainname":
	default:
		return errdefs.InvalidArgument("sysctl '%s' is not allowed: it has no value per container", key)
	}
	return nil
}

func (d *Daemon) checkRights(_ *runconfig.Config, h *runconfig.HostConfig) error {
	if _, err := capabilities(h); err != nil {
		return err
	}
	if _, err := d.securityOptions(h); err != nil {
		return err
	}
	for _, dev := range h.Devices {
		if dev.CgroupPermissions != "" && strings.Trim(dev.CgroupPermissions, "rwm") != "" {
			return errdefs.InvalidArgument("invalid permissions %q of device %s: use r, w and m",
				dev.CgroupPermissions, dev.PathOnHost)
		}
	}
	for _, rule := range h.DeviceCgroupRules {
		if _, err := deviceRule(rule); err != nil {
			return err
		}
	}
	_, err := logdriver.Parse(h.LogConfig.Type, h.LogConfig.Config)
	return err
}

// checkSupported refuses what this engine does not have. To go on without would
// be to promise a limit or a device that is not there.
func checkSupported(_ *runconfig.Config, h *runconfig.HostConfig) error {
	for key := range h.StorageOpt {
		if key == "size" {
			return errdefs.InvalidArgument("--storage-opt size is supported only for overlay over xfs with 'pquota' mount option, " +
				"which this engine does not use")
		}
		return errdefs.InvalidArgument("unknown option %q for --storage-opt", key)
	}
	if h.VolumeDriver != "" && h.VolumeDriver != volumes.DriverLocal {
		return errdefs.InvalidArgument("error looking up volume plugin %s: plugin %q not found", h.VolumeDriver, h.VolumeDriver)
	}
	for _, r := range h.DeviceRequests {
		return errdefs.InvalidArgument("could not select device driver %q with capabilities: %v", r.Driver, r.Capabilities)
	}
	return nil
}

func checkRestart(_ *runconfig.Config, h *runconfig.HostConfig) error {
	p := h.RestartPolicy
	switch p.Name {
	case "", "no", "always", "unless-stopped":
		if p.MaximumRetryCount != 0 {
			return errdefs.InvalidArgument(`maximum restart count not valid with restart policy of "%s"`, p.Name)
		}
	case "on-failure":
		if p.MaximumRetryCount < 0 {
			return errdefs.InvalidArgument("maximum restart count of on-failure must not be negative")
		}
	default:
		return errdefs.InvalidArgument("invalid restart policy %s", p.Name)
	}
	if h.AutoRemove && p.Name != "" && p.Name != "no" {
		return errdefs.InvalidArgument("can't create 'AutoRemove' container with restart policy %q", p.Name)
	}
	return nil
}
