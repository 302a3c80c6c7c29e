package client

import (
	"context"
	"fmt"
	"net"
	"sort"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
	"github.com/enginejobs/docker/runconfig"
)

func newPort(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, args []string) error {
		var c api.ContainerInspect
		if err := cli.http.getJSON(ctx, containerPath(args[0], "/json"), nil, &c); err != nil {
			return err
		}
		var ports runconfig.PortMap
		if c.NetworkSettings != nil {
			ports = c.NetworkSettings.Ports
		}
		if len(args) == 1 {
			cli.printPorts(ports)
			return nil
		}
		wanted := args[1]
		if !strings.Contains(wanted, "/") {
			wanted += "/tcp"
		}
		if number, _ := runconfig.Port(wanted).Split(); number == 0 {
			return fmt.Errorf("Error: invalid port (%s)", args[1])
		}
		bindings := ports[runconfig.Port(wanted)]
		if len(bindings) == 0 {
			return fmt.Errorf("Error: No public port '%s' published for %s", wanted, args[0])
		}
		for _, b := range bindings {
			fmt.Fprintln(cli.Out, net.JoinHostPort(b.HostIp, b.HostPort))
		}
		return nil
	}
}

func (cli *CLI) printPorts(ports runconfig.PortMap) {
	keys := make([]runconfig.Port, 0, len(ports))
	for port := range ports {
		keys = append(keys, port)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, pa := keys[i].Split()
		b, pb := keys[j].Split()
		return a < b || a == b && pa < pb
	})
	for _, port := range keys {
		for _, b := range ports[port] {
			fmt.Fprintf(cli.Out, "%s -> %s\n", port, net.JoinHostPort(b.HostIp, b.HostPort))
		}
	}
}
