package client

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

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
	flags.Func(setFormat(&o.format), "--format", "Format the output by a Go template")
	return func(ctx context.Context, _ []string) error { return cli.ps(ctx, o) }
}

func (cli *CLI) ps(ctx context.Context, o psOptions) error {
	if strings.Contains(o.format, ".Size") {
		o.size = true
	}
	var list []api.ContainerSummary
	if err := cli.http.getJSON(ctx, "/containers/json", cli.psQuery(o), &list); err != nil {
		return err
	}
	table := make([]psRow, len(list))
	for i, c := range list {
		table[i] = psRow{cli, c, o}
	}
	switch {
	case o.quiet:
		for _, r := range table {
			fmt.Fprintln(cli.Out, r.ID())
		}
		return nil
	case o.format != "":
		return rows(cli.Out, o.format, psHeader, table)
	}
	tw := newTable(cli.Out)
	head := "CONTAINER ID\tIMAGE\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES"
	if o.size {
		head += "\tSIZE"
	}
	fmt.Fprintln(tw, head)
	for _, r := range table {
		// The names end with a tab even where nothing follows: the rows have
		// been padded like this since the first release.
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t", r.ID(), r.Image(), r.Command(), r.RunningFor(), r.Status(),
			r.Ports(), r.Names())
		if o.size {
			fmt.Fprint(tw, r.Size())
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

var psHeader = map[string]any{
	"ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "CreatedAt": "CREATED AT", "RunningFor": "CREATED",
	"Ports": "PORTS", "Status": "STATUS", "State": "STATE", "Size": "SIZE", "Names": "NAMES", "Labels": "LABELS",
	"Mounts": "MOUNTS", "Networks": "NETWORKS", "LocalVolumes": "LOCAL VOLUMES",
}

// psRow is a container as ps shows it; its methods are the fields of a
// template.
type psRow struct {
	cli *CLI
	c   api.ContainerSummary
	o   psOptions
}

// ID is the short id, or the whole one with --no-trunc.
func (r psRow) ID() string {
	if r.o.noTrunc {
		return r.c.Id
	}
	return shortID(r.c.Id)
}

// Image is the image's name as the container was created with it.
func (r psRow) Image() string {
	if r.c.Image == "" {
		return "<no image>"
	}
	if id, ok := strings.CutPrefix(r.c.Image, "sha256:"); ok && !r.o.noTrunc {
		return shortID(id)
	}
	return r.c.Image
}

// Command is quoted first and cut afterwards.
func (r psRow) Command() string {
	text := strconv.Quote(r.c.Command)
	if r.o.noTrunc {
		return text
	}
	return cut(text, 20)
}

// RunningFor is the age.
func (r psRow) RunningFor() string { return r.cli.ago(r.c.Created) }

// CreatedAt is the time of the creation.
func (r psRow) CreatedAt() string { return time.Unix(r.c.Created, 0).String() }

// Status is the state in words.
func (r psRow) Status() string { return r.c.Status }

// State is the state in one word.
func (r psRow) State() string { return r.c.State }

// Ports lists exposed and published ports, by public port.
func (r psRow) Ports() string { return portList(r.c.Ports) }

// Names is the container's own name, or all with --no-trunc.
func (r psRow) Names() string {
	var names []string
	for _, name := range r.c.Names {
		name = strings.TrimPrefix(name, "/")
		if r.o.noTrunc {
			names = append(names, name)
		} else if !strings.Contains(name, "/") {
			return name
		}
	}
	return strings.Join(names, ",")
}

// Size is what the container wrote, and with its image.
func (r psRow) Size() string {
	var written, total int64
	if r.c.SizeRw != nil {
		written = *r.c.SizeRw
	}
	if r.c.SizeRootFs != nil {
		total = *r.c.SizeRootFs
	}
	if total > 0 {
		return fmt.Sprintf("%s (virtual %s)", humanSize(written), humanSize(total))
	}
	return humanSize(written)
}

// Labels lists all labels.
func (r psRow) Labels() string {
	list := make([]string, 0, len(r.c.Labels))
	for k, v := range r.c.Labels {
		list = append(list, k+"="+v)
	}
	sort.Strings(list)
	return strings.Join(list, ",")
}

// Label is the value of one label.
func (r psRow) Label(name string) string { return r.c.Labels[name] }

// Mounts lists volume names and host paths.
func (r psRow) Mounts() string {
	list := make([]string, 0, len(r.c.Mounts))
	for _, m := range r.c.Mounts {
		name := m.Name
		if name == "" {
			name = m.Source
		}
		if !r.o.noTrunc && len(name) > 15 {
			name = cut(name, 14) + "…"
		}
		list = append(list, name)
	}
	return strings.Join(list, ",")
}

// LocalVolumes counts the volumes.
func (r psRow) LocalVolumes() string {
	n := 0
	for _, m := range r.c.Mounts {
		if m.Type == "volume" && (m.Driver == "" || m.Driver == "local") {
			n++
		}
	}
	return strconv.Itoa(n)
}

// Networks lists the networks.
func (r psRow) Networks() string {
	list := make([]string, 0, len(r.c.NetworkSettings.Networks))
	for name := range r.c.NetworkSettings.Networks {
		list = append(list, name)
	}
	sort.Strings(list)
	return strings.Join(list, ",")
}

// MarshalJSON makes {{json .}} show the row and not its source.
func (r psRow) MarshalJSON() ([]byte, error) {
	m := map[string]string{
		"ID": r.ID(), "Image": r.Image(), "Command": r.Command(), "CreatedAt": r.CreatedAt(), "RunningFor": r.RunningFor(),
		"Ports": r.Ports(), "Status": r.Status(), "State": r.State(), "Names": r.Names(), "Labels": r.Labels(),
		"Mounts": r.Mounts(), "Networks": r.Networks(), "LocalVolumes": r.LocalVolumes(), "Size": r.Size(),
	}
	return jsonNoEscape(m)
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
