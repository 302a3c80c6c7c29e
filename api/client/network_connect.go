package client

import (
	"context"
	"net/url"

	"github.com/enginejobs/docker/pkg/mflag"
	"github.com/enginejobs/docker/runconfig"
)

func newNetworkConnect(cli *CLI, flags *mflag.Set) runFunc {
	var e runconfig.EndpointConfig
	var ipam runconfig.EndpointIPAM
	var options []string
	flags.String(&ipam.IPv4Address, "--ip", "IPv4 address of the container")
	flags.String(&ipam.IPv6Address, "--ip6", "IPv6 address of the container")
	flags.List(&ipam.LinkLocalIPs, "--link-local-ip", "Link-local address of the container", nil)
	flags.List(&e.Links, "--link", "Add a link to another container (name:alias)", nil)
	flags.List(&e.Aliases, "--alias", "Name of the container on the network", nil)
	flags.List(&options, "--driver-opt", "Options of the driver for this container (NAME=VALUE)", nil)
	flags.Int(&e.GwPriority, "--gw-priority", "The network with the greatest leads to the outside")
	return func(ctx context.Context, args []string) error {
		if ipam.IPv4Address != "" || ipam.IPv6Address != "" || len(ipam.LinkLocalIPs) > 0 {
			e.IPAMConfig = &ipam
		}
		e.DriverOpts = pairs(options)
		body := struct {
			Container      string
			EndpointConfig runconfig.EndpointConfig
		}{args[1], e}
		return cli.http.post(ctx, networkPath(args[0])+"/connect", body)
	}
}

// networkPath is /networks/NAME with the name escaped.
func networkPath(name string) string { return "/networks/" + url.PathEscape(name) }
