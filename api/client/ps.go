package client

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

type psOptions struct {
	all, quiet, size, noTrunc, latest bool
	last                              int
	since, before, format             string
	filters                           []string
}

func newPs(cli *CLI, flags *mflag.Set) runFunc {
	o := psOptions{last: -1}
	flags.Bool(&o.all, "-a --all", "Show all containers (only running ones are shown by\ndefault)")
	flags.Bool(&o.quiet, "-q --quiet", "Only display numeric IDs")
	flags.Bool(&o.size, "-s --size", "Display total file sizes")
	flags.Bool(&o.noTrunc, "~-notrunc --no-trunc", "Don't truncate output")
	flags.Bool(&o.latest, "-l --latest", "Show only the latest created container")
	flags.Int(&o.last, "-n --last", "Show n last created containers, in any state")
	flags.String(&o.since, "~-sinceId ~--since-id --since", "Show containers created since this one")
	flags.String(&o.before, "~-beforeId ~--before-id --before", "Show containers created before this one")
	flags.List(&o.filters, "-f --filter", "Provide filter values (i.e. 'status=exited')", checkFilter)
	flags.String(&o.format, "--format", "Format the output by a Go template")
	return func(ctx context.Context, _ []string) error { return cli.ps(ctx, o) }
}

func (cli *CLI) ps(ctx context.Context, o psOptions) error {
	o.format = cli.formatOr(o.format, o.quiet, "psFormat")
	o.size = o.size || strings.Contains(o.format, ".Size") || strings.Contains(o.format, "{{json .}}")
	var list []api.ContainerSummary
	if err := cli.http.getJSON(ctx, "/containers/json", cli.psQuery(o), &list); err != nil {
		return err
	}
	table := make([]psRow, len(list))
	for i, c := range list {
		table[i] = psRow{cli, c, o.noTrunc}
	}
	switch {
	case o.quiet:
		if o.format != "" && o.format != "table" && o.format != "raw" {
			fmt.Fprintln(cli.Err, "WARNING: Ignoring custom format, because both --format and --quiet are set.")
		}
		return printLines(cli.Out, table, psRow.ID)
	case o.format != "":
		return rows(cli.Out, o.format, psListing(o.size), table)
	}
	return cli.psTable(table, o)
}

// psTable is the table of the first releases.
func (cli *CLI) psTable(table []psRow, o psOptions) error {
	tw := newTable(cli.Out)
	head := "CONTAINER ID\tIMAGE\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES"
	if o.size {
		head += "\tSIZE"
	}
	fmt.Fprintln(tw, head)
	for _, r := range table {
		// The names end with a tab even where nothing follows: the rows have
		// been padded like this since the first release.
		command := strconv.Quote(r.c.Command) // quoted first and cut afterwards
		if !o.noTrunc {
			command = cut(command, 20)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t", r.ID(), r.Image(), command, cli.ago(r.c.Created), r.Status(),
			portList(r.c.Ports), r.Names())
		if o.size {
			fmt.Fprint(tw, r.sizes(humanSize))
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// psQuery makes the parameters of the list. The newest API knows since and
// before as filters, older ones as parameters; all of them show containers in
// any state once a container or a number is named.
func (cli *CLI) psQuery(o psOptions) url.Values {
	query := url.Values{}
	filters := o.filters[:len(o.filters):len(o.filters)]
	if o.latest && o.last == -1 {
		o.last = 1
	}
	all := o.all || o.last > 0 || o.since != "" || o.before != ""
	for _, f := range filters {
		if f == "status=exited" {
			all = true
		}
	}
	if o.last > 0 {
		query.Set("limit", strconv.Itoa(o.last))
	}
	if cli.http.atLeast("1.24") {
		if o.since != "" {
			filters = append(filters, "since="+o.since)
		}
		if o.before != "" {
			filters = append(filters, "before="+o.before)
		}
	} else {
		setText(query, "since", o.since)
		setText(query, "before", o.before)
	}
	setFlag(query, "all", all)
	setFlag(query, "size", o.size)
	setFilters(query, filters)
	return query
}

// portList shows ports as the PORTS column does.
func portList(ports []api.ContainerPort) string {
	list := make([]api.ContainerPort, len(ports))
	copy(list, ports)
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		switch {
		case a.PublicPort != b.PublicPort:
			return a.PublicPort < b.PublicPort
		case a.PrivatePort != b.PrivatePort:
			return a.PrivatePort < b.PrivatePort
		case a.Type != b.Type:
			return a.Type < b.Type
		}
		return a.IP < b.IP
	})
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = fmt.Sprintf("%d/%s", p.PrivatePort, p.Type)
		if p.PublicPort != 0 {
			texts[i] = net.JoinHostPort(p.IP, strconv.Itoa(int(p.PublicPort))) + "->" + texts[i]
		}
	}
	return strings.Join(texts, ", ")
}
