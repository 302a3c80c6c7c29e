package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

// clientInfo is what a template of info sees of the client.
type clientInfo struct {
	Debug bool
	clientVersion
	Plugins  []string
	Warnings []string
}

func newInfo(cli *CLI, flags *mflag.Set) runFunc {
	var format string
	flags.String(&format, "-f --format", "Format the output by a Go template")
	return func(ctx context.Context, _ []string) error { return cli.info(ctx, format) }
}

func (cli *CLI) info(ctx context.Context, text string) error {
	var i api.SystemInfo
	if text != "" {
		f, err := parseTemplate(text)
		if err != nil {
			return err
		}
		if err := cli.http.getJSON(ctx, "/info", nil, &i); err != nil {
			return err
		}
		return f.line(cli.Out, struct {
			api.SystemInfo
			ClientInfo clientInfo
		}{i, clientInfo{Debug: cli.debug, clientVersion: cli.clientVersion(), Plugins: []string{}}})
	}
	if err := cli.http.getJSON(ctx, "/info", nil, &i); err != nil {
		return err
	}
	cli.printInfo(&i)
	for _, w := range []struct {
		fine bool
		text string
	}{
		{i.MemoryLimit, "WARNING: No memory limit support"},
		{i.SwapLimit, "WARNING: No swap limit support"},
		{i.IPv4Forwarding, "WARNING: IPv4 forwarding is disabled."},
	} {
		if !w.fine {
			fmt.Fprintln(cli.Err, w.text)
		}
	}
	return nil
}

func (cli *CLI) printInfo(i *api.SystemInfo) {
	cli.field("Containers", fmt.Sprint(i.Containers))
	cli.field(" Running", fmt.Sprint(i.ContainersRunning))
	cli.field(" Paused", fmt.Sprint(i.ContainersPaused))
	cli.field(" Stopped", fmt.Sprint(i.ContainersStopped))
	cli.field("Images", fmt.Sprint(i.Images))
	cli.field("Server Version", i.ServerVersion)
	cli.field("Storage Driver", i.Driver)
	for _, pair := range i.DriverStatus {
		cli.field(" "+pair[0], pair[1])
	}
	execution := i.ExecutionDriver
	if execution == "" {
		execution = i.DefaultRuntime
	}
	cli.field("Execution Driver", execution)
	cli.field("Logging Driver", i.LoggingDriver)
	cli.field("Cgroup Driver", i.CgroupDriver)
	cli.field("Cgroup Version", i.CgroupVersion)
	if len(i.SecurityOptions) > 0 {
		fmt.Fprintln(cli.Out, "Security Options:")
		for _, o := range i.SecurityOptions {
			fmt.Fprintf(cli.Out, " %s\n", o)
		}
	}
	cli.field("Kernel Version", i.KernelVersion)
	cli.field("Operating System", i.OperatingSystem)
	cli.field("OSType", i.OSType)
	cli.field("Architecture", i.Architecture)
	cli.field("CPUs", fmt.Sprint(i.NCPU))
	cli.field("Total Memory", binarySize(i.MemTotal))
	cli.field("Name", i.Name)
	cli.field("ID", i.ID)
	cli.field("Docker Root Dir", i.DockerRootDir)
	if i.Debug || cli.debug {
		cli.field("Debug mode (server)", fmt.Sprint(i.Debug))
		cli.field("Debug mode (client)", fmt.Sprint(cli.debug))
		cli.field("Fds", fmt.Sprint(i.NFd))
		cli.field("Goroutines", fmt.Sprint(i.NGoroutines))
		cli.field("System Time", i.SystemTime)
		cli.field("EventsListeners", fmt.Sprint(i.NEventsListener))
		cli.field("Init Path", i.InitBinary)
	}
	cli.field("Http Proxy", i.HttpProxy)
	cli.field("Https Proxy", i.HttpsProxy)
	cli.field("No Proxy", i.NoProxy)
	if len(i.Labels) > 0 {
		fmt.Fprintln(cli.Out, "Labels:")
		for _, l := range i.Labels {
			fmt.Fprintf(cli.Out, " %s\n", l)
		}
	}
	for _, w := range i.Warnings {
		fmt.Fprintln(cli.Err, w)
	}
}
