package client

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

type networkLsOptions struct {
	quiet, noTrunc bool
	format         string
	filters        []string
}

func newNetworkLs(cli *CLI, flags *mflag.Set) runFunc {
	var o networkLsOptions
	flags.Bool(&o.quiet, "-q --quiet", "Only display network IDs")
	flags.Bool(&o.noTrunc, "--no-trunc", "Do not truncate the output")
	flags.List(&o.filters, "-f --filter", "Provide filter values (e.g. 'driver=bridge')", checkFilter)
	flags.String(&o.format, "--format", "Format the output: table, json (a line for each network)\nor a Go template")
	return func(ctx context.Context, _ []string) error { return cli.networkLs(ctx, o) }
}

func (cli *CLI) networkLs(ctx context.Context, o networkLsOptions) error {
	o.format = cli.formatOr(o.format, o.quiet, "networksFormat")
	query := url.Values{}
	setFilters(query, o.filters)
	var list []api.Network
	if err := cli.http.getJSON(ctx, "/networks", query, &list); err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b api.Network) int { return strings.Compare(a.Name, b.Name) })
	table := make([]networkRow, len(list))
	for i, n := range list {
		table[i] = networkRow{n, o.noTrunc}
	}
	switch {
	case o.quiet && (o.format == "" || o.format == "table"):
		return printLines(cli.Out, table, networkRow.ID)
	case o.format != "":
		return rows(cli.Out, o.format, networkListing(), table)
	}
	tw := newTable(cli.Out)
	fmt.Fprintln(tw, "NETWORK ID\tNAME\tDRIVER\tSCOPE")
	for _, r := range table {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", r.ID(), r.Name(), r.Driver(), r.Scope())
	}
	return tw.Flush()
}

// networkListing is network ls for --format.
func networkListing() listing {
	return listing{
		table: `{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}`,
		raw:   "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n",
		header: header{
			"ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "IPv4": "IPV4", "IPv6": "IPV6", "Internal": "INTERNAL",
			"Labels": "LABELS", "CreatedAt": "CREATED AT",
		},
	}
}

// networkRow is a network as a table or a template shows it.
type networkRow struct {
	n    api.Network
	long bool
}

// ID is cut to 12 digits unless all of it is wanted.
func (r networkRow) ID() string {
	if r.long || len(r.n.Id) < 12 {
		return r.n.Id
	}
	return r.n.Id[:12]
}

// Name is the name.
func (r networkRow) Name() string { return r.n.Name }

// Driver is the driver.
func (r networkRow) Driver() string { return r.n.Driver }

// Scope is local.
func (r networkRow) Scope() string { return r.n.Scope }

// IPv4 tells whether containers get such addresses.
func (r networkRow) IPv4() string { return strconv.FormatBool(r.n.EnableIPv4) }

// IPv6 tells whether containers get such addresses.
func (r networkRow) IPv6() string { return strconv.FormatBool(r.n.EnableIPv6) }

// Internal tells whether nothing passes to the outside.
func (r networkRow) Internal() string { return strconv.FormatBool(r.n.Internal) }

// CreatedAt is the time as Go prints it, like the official client.
func (r networkRow) CreatedAt() string { return r.n.Created.String() }

// Labels are NAME=VALUE with commas.
func (r networkRow) Labels() string {
	return labelList(r.n.Labels)
}

// Label is the value of one label.
func (r networkRow) Label(name string) string { return r.n.Labels[name] }

// MarshalJSON is what {{json .}} shows.
func (r networkRow) MarshalJSON() ([]byte, error) {
	return rowJSON(map[string]any{
		"CreatedAt": r.CreatedAt(), "Driver": r.Driver(), "ID": r.ID(), "IPv4": r.IPv4(), "IPv6": r.IPv6(), "Internal": r.Internal(),
		"Labels": r.Labels(), "Name": r.Name(), "Scope": r.Scope(),
	})
}
