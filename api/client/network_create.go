package client

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

type networkCreateOptions struct {
	api.NetworkCreateRequest
	driver, ipamDriver, configFrom string
	ipv4, ipv6                     bool
	subnets, ranges, gateways, aux []string
	ipamOptions, options, labels   []string
}

func newNetworkCreate(cli *CLI, flags *mflag.Set) runFunc {
	o := networkCreateOptions{driver: "bridge", ipamDriver: "default", ipv4: true}
	flags.String(&o.driver, "-d --driver", "Driver to manage the network")
	flags.List(&o.options, "-o --opt", "Options of the driver (NAME=VALUE)", nil)
	flags.List(&o.labels, "--label", "Set metadata on the network", nil)
	flags.Bool(&o.Internal, "--internal", "Restrict external access to the network")
	flags.Bool(&o.Attachable, "--attachable", "Let containers attach by hand")
	flags.Bool(&o.Ingress, "!--ingress", "Make the routing mesh of a swarm")
	flags.Bool(&o.ConfigOnly, "--config-only", "Make a template for other networks")
	flags.String(&o.configFrom, "--config-from", "Copy the configuration of this template")
	flags.String(&o.Scope, "--scope", "Scope of the network")
	flags.Bool(&o.ipv4, "--ipv4", "Give containers IPv4 addresses")
	flags.Bool(&o.ipv6, "--ipv6", "Give containers IPv6 addresses")
	flags.String(&o.ipamDriver, "--ipam-driver", "Driver that manages addresses")
	flags.List(&o.ipamOptions, "--ipam-opt", "Options of the driver of addresses (NAME=VALUE)", nil)
	flags.List(&o.subnets, "--subnet", "Subnet, CIDR", nil)
	flags.List(&o.ranges, "--ip-range", "Give containers addresses of this part of a subnet", nil)
	flags.List(&o.gateways, "--gateway", "Gateway of a subnet", nil)
	flags.List(&o.aux, "--aux-address", "Address that something else has (NAME=ADDRESS)", nil)
	return func(ctx context.Context, args []string) error {
		body, err := o.request(args[0], flags)
		if err != nil {
			return err
		}
		var made api.NetworkCreated
		if err := cli.http.callJSON(ctx, request{method: http.MethodPost, path: "/networks/create", body: body}, &made); err != nil {
			return err
		}
		if made.Warning != "" {
			fmt.Fprintln(cli.Err, "WARNING:", made.Warning)
		}
		fmt.Fprintln(cli.Out, made.Id)
		return nil
	}
}

// request makes the body. A template has no driver of its own.
func (o *networkCreateOptions) request(name string, flags *mflag.Set) (*api.NetworkCreateRequest, error) {
	r := o.NetworkCreateRequest
	r.Name, r.Driver, r.Options, r.Labels, r.CheckDuplicate = name, o.driver, pairs(o.options), pairs(o.labels), true
	if o.ConfigOnly && !flags.IsSet("--driver") {
		r.Driver = ""
	}
	if o.configFrom != "" {
		r.ConfigFrom = &api.NetworkReference{Network: o.configFrom}
	}
	if flags.IsSet("--ipv4") {
		r.EnableIPv4 = &o.ipv4
	}
	if flags.IsSet("--ipv6") {
		r.EnableIPv6 = &o.ipv6
	}
	config, err := o.ipam()
	if err != nil {
		return nil, err
	}
	r.IPAM = &api.IPAM{Driver: o.ipamDriver, Options: pairs(o.ipamOptions), Config: config}
	return &r, nil
}

// ipam gives each subnet its range, gateway and addresses of others.
func (o *networkCreateOptions) ipam() ([]api.IPAMConfig, error) {
	if len(o.subnets) == 0 {
		if len(o.ranges)+len(o.gateways)+len(o.aux) > 0 {
			return nil, errdefs.InvalidArgument("every ip-range or gateway must have a corresponding subnet")
		}
		return nil, nil
	}
	list := make([]api.IPAMConfig, len(o.subnets))
	networks := make([]netip.Prefix, len(o.subnets))
	for i, text := range o.subnets {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, errdefs.InvalidArgument("invalid subnet %s: want a network like 10.1.0.0/16", text)
		}
		for _, other := range networks[:i] {
			if other.Overlaps(p) {
				return nil, errdefs.InvalidArgument("multiple overlapping subnet configuration is not supported")
			}
		}
		list[i].Subnet, networks[i] = text, p
	}
	place := func(what, text, address string, set func(c *api.IPAMConfig) bool) error {
		ip, err := netip.ParseAddr(address)
		if err != nil {
			return errdefs.InvalidArgument("invalid %s %s: want an address", what, text)
		}
		for i, p := range networks {
			if !p.Contains(ip) {
				continue
			}
			if !set(&list[i]) {
				return errdefs.InvalidArgument("cannot configure multiple %ss on the same subnet (%s)", what, list[i].Subnet)
			}
			return nil
		}
		return errdefs.InvalidArgument("no matching subnet for %s %s", what, text)
	}
	return list, o.assign(place)
}

func (o *networkCreateOptions) assign(place func(what, text, address string, set func(c *api.IPAMConfig) bool) error) error {
	for _, text := range o.ranges {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return errdefs.InvalidArgument("invalid ip-range %s: want a network like 10.1.2.0/24", text)
		}
		err = place("range", text, p.Addr().String(), func(c *api.IPAMConfig) bool {
			free := c.IPRange == ""
			c.IPRange = text
			return free
		})
		if err != nil {
			return err
		}
	}
	for _, text := range o.gateways {
		err := place("gateway", text, text, func(c *api.IPAMConfig) bool {
			free := c.Gateway == ""
			c.Gateway = text
			return free
		})
		if err != nil {
			return err
		}
	}
	for _, text := range o.aux {
		name, address, _ := strings.Cut(text, "=")
		err := place("aux-address", text, address, func(c *api.IPAMConfig) bool {
			if c.AuxiliaryAddresses == nil {
				c.AuxiliaryAddresses = map[string]string{}
			}
			c.AuxiliaryAddresses[name] = address
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}
