package client

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/dockerversion"
)

// infoPage is the text of info. Lines of the lists of a server are missing when it
// tells nothing of them.
type infoPage struct{ w io.Writer }

func (p infoPage) line(name string, value any) { fmt.Fprintf(p.w, " %s: %v\n", name, value) }

// some is a line unless the server says nothing.
func (p infoPage) some(name, value string) {
	if value != "" {
		p.line(name, value)
	}
}

// list is a head and a line for each of the values.
func (p infoPage) list(name, indent string, values []string) {
	if len(values) == 0 {
		return
	}
	fmt.Fprintf(p.w, " %s:\n", name)
	for _, v := range values {
		fmt.Fprintf(p.w, "%s%s\n", indent, v)
	}
}

func (cli *CLI) printClientInfo() {
	fmt.Fprintf(cli.Out, "Client:\n Version:    %s\n Context:    %s\n Debug Mode: %t\n\nServer:\n",
		dockerversion.Version, cli.clientVersion().Context, cli.debug)
}

func (cli *CLI) printInfo(i *api.SystemInfo) {
	p := infoPage{cli.Out}
	p.line("Containers", i.Containers)
	p.line(" Running", i.ContainersRunning)
	p.line(" Paused", i.ContainersPaused)
	p.line(" Stopped", i.ContainersStopped)
	p.line("Images", i.Images)
	p.some("Server Version", i.ServerVersion)
	p.some("Storage Driver", i.Driver)
	for _, pair := range i.DriverStatus {
		p.line(" "+pair[0], pair[1])
	}
	p.some("Logging Driver", i.LoggingDriver)
	p.some("Cgroup Driver", i.CgroupDriver)
	p.some("Cgroup Version", i.CgroupVersion)
	fmt.Fprintln(p.w, " Plugins:")
	p.line(" Volume", strings.Join(i.Plugins.Volume, " "))
	p.line(" Network", strings.Join(i.Plugins.Network, " "))
	if len(i.Plugins.Authorization) > 0 {
		p.line(" Authorization", strings.Join(i.Plugins.Authorization, " "))
	}
	p.line(" Log", strings.Join(i.Plugins.Log, " "))
	p.list("CDI spec directories", "  ", i.CDISpecDirs)
	p.some("Swarm", i.Swarm.LocalNodeState)
	p.runtimes(i)
	p.host(i)
	p.line("Debug Mode", i.Debug)
	if i.Debug {
		p.line(" File Descriptors", i.NFd)
		p.line(" Goroutines", i.NGoroutines)
		p.line(" System Time", i.SystemTime)
		p.line(" EventsListeners", i.NEventsListener)
	}
	p.some("HTTP Proxy", i.HttpProxy)
	p.some("HTTPS Proxy", i.HttpsProxy)
	p.some("No Proxy", i.NoProxy)
	p.list("Labels", "  ", i.Labels)
	p.line("Experimental", i.ExperimentalBuild)
	p.registries(i.RegistryConfig)
	p.line("Live Restore Enabled", i.LiveRestoreEnabled)
	var pools []string
	for _, pool := range i.DefaultAddressPools {
		pools = append(pools, fmt.Sprintf("Base: %s, Size: %d", pool.Base, pool.Size))
	}
	p.list("Default Address Pools", "   ", pools)
	if i.FirewallBackend != nil {
		p.line("Firewall Backend", i.FirewallBackend.Driver)
		for _, pair := range i.FirewallBackend.Info {
			p.line(" "+pair[0], pair[1])
		}
	}
	fmt.Fprintln(p.w)
	cli.printInfoWarnings(i)
}

// runtimes is what starts containers, and what keeps them in.
func (p infoPage) runtimes(i *api.SystemInfo) {
	if len(i.Runtimes) > 0 {
		p.line("Runtimes", strings.Join(slices.Sorted(maps.Keys(i.Runtimes)), " "))
		p.line("Default Runtime", i.DefaultRuntime)
	} else {
		p.some("Execution Driver", i.ExecutionDriver)
	}
	p.some("Init Binary", i.InitBinary)
	p.some("containerd version", i.ContainerdCommit.ID)
	p.some("runc version", i.RuncCommit.ID)
	p.some("init version", i.InitCommit.ID)
	if len(i.SecurityOptions) == 0 {
		return
	}
	fmt.Fprintln(p.w, " Security Options:")
	for _, option := range i.SecurityOptions { // name=seccomp,profile=builtin; before 1.25 the name alone
		name, rest, more := strings.Cut(option, ",")
		fmt.Fprintf(p.w, "  %s\n", strings.TrimPrefix(name, "name="))
		for more {
			var one string
			one, rest, more = strings.Cut(rest, ",")
			if key, value, ok := strings.Cut(one, "="); ok && key != "" {
				fmt.Fprintf(p.w, "   %s: %s\n", strings.ToUpper(key[:1])+key[1:], value)
			}
		}
	}
}

// host is the machine that the server is on.
func (p infoPage) host(i *api.SystemInfo) {
	p.some("Kernel Version", i.KernelVersion)
	p.some("Operating System", i.OperatingSystem)
	p.some("OSType", i.OSType)
	p.some("Architecture", i.Architecture)
	p.line("CPUs", i.NCPU)
	p.line("Total Memory", strings.ReplaceAll(binarySize(i.MemTotal), " ", ""))
	p.some("Name", i.Name)
	p.some("ID", i.ID)
	p.some("Docker Root Dir", i.DockerRootDir)
}

func (p infoPage) registries(c *api.RegistryConfig) {
	if c == nil {
		return
	}
	var insecure []string
	for _, name := range slices.Sorted(maps.Keys(c.IndexConfigs)) {
		if !c.IndexConfigs[name].Secure {
			insecure = append(insecure, name)
		}
	}
	p.list("Insecure Registries", "  ", append(insecure, c.InsecureRegistryCIDRs...))
	p.list("Registry Mirrors", "  ", c.Mirrors)
}

// printInfoWarnings shows what the server warns of. Those older than API 1.39 only
// say what they have.
func (cli *CLI) printInfoWarnings(i *api.SystemInfo) {
	list := i.Warnings
	if !cli.http.atLeast("1.39") {
		for _, w := range []struct {
			fine bool
			text string
		}{
			{i.MemoryLimit, "WARNING: No memory limit support"},
			{i.SwapLimit, "WARNING: No swap limit support"},
			{i.IPv4Forwarding, "WARNING: IPv4 forwarding is disabled"},
		} {
			if !w.fine {
				list = append(list, w.text)
			}
		}
	}
	for _, text := range list {
		fmt.Fprintln(cli.Err, text)
	}
}
