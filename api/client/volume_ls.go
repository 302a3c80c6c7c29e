package client

import (
	"context"
	"fmt"
	"net/url"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

type volumeLsOptions struct {
	quiet   bool
	format  string
	filters []string
}

func newVolumeLs(cli *CLI, flags *mflag.Set) runFunc {
	var o volumeLsOptions
	flags.Bool(&o.quiet, "-q --quiet", "Only display volume names")
	flags.List(&o.filters, "-f --filter", "Provide filter values (i.e. 'dangling=true')", checkFilter)
	flags.String(&o.format, "--format", "Format the output: table, json (a line for each volume)\nor a Go template")
	return func(ctx context.Context, _ []string) error { return cli.volumeLs(ctx, o) }
}

func (cli *CLI) volumeLs(ctx context.Context, o volumeLsOptions) error {
	o.format = cli.formatOr(o.format, o.quiet, "volumesFormat")
	query := url.Values{}
	setFilters(query, o.filters)
	var list api.VolumeList
	if err := cli.http.getJSON(ctx, "/volumes", query, &list); err != nil {
		return err
	}
	for _, text := range list.Warnings {
		fmt.Fprintln(cli.Err, "WARNING:", text)
	}
	table := make([]volumeRow, len(list.Volumes))
	for i, v := range list.Volumes {
		table[i] = volumeRow{v}
	}
	switch {
	case o.quiet && (o.format == "" || o.format == "table"):
		return printLines(cli.Out, table, volumeRow.Name)
	case o.format != "":
		return rows(cli.Out, o.format, volumeListing(), table)
	}
	tw := newTable(cli.Out)
	fmt.Fprintln(tw, "DRIVER\tVOLUME NAME")
	for _, r := range table {
		fmt.Fprintf(tw, "%s\t%s\n", r.Driver(), r.Name())
	}
	return tw.Flush()
}

// volumeListing is volume ls for --format.
func volumeListing() listing {
	return listing{
		table: `{{.Driver}}\t{{.Name}}`,
		raw:   "name: {{.Name}}\ndriver: {{.Driver}}\n",
		header: header{
			"Driver": "DRIVER", "Name": "VOLUME NAME", "Scope": "SCOPE", "Mountpoint": "MOUNTPOINT", "Labels": "LABELS",
			"Links": "LINKS", "Size": "SIZE", "Availability": "AVAILABILITY", "Group": "GROUP", "Status": "STATUS",
		},
	}
}

// volumeRow is a volume as a table or a template shows it.
type volumeRow struct{ v api.Volume }

// Driver, Name, Scope and Mountpoint are those of the volume.
func (r volumeRow) Driver() string { return r.v.Driver }

// Name is the name.
func (r volumeRow) Name() string { return r.v.Name }

// Scope is local.
func (r volumeRow) Scope() string { return r.v.Scope }

// Mountpoint is the path on the daemon's host.
func (r volumeRow) Mountpoint() string { return r.v.Mountpoint }

// Labels are NAME=VALUE with commas.
func (r volumeRow) Labels() string {
	return labelList(r.v.Labels)
}

// Label is the value of one label.
func (r volumeRow) Label(name string) string { return r.v.Labels[name] }

// Links is the number of containers that have it, where the answer tells.
func (r volumeRow) Links() string {
	if r.v.UsageData == nil {
		return "N/A"
	}
	return fmt.Sprint(r.v.UsageData.RefCount)
}

// Size is what its files have, where the answer tells.
func (r volumeRow) Size() string {
	if r.v.UsageData == nil || r.v.UsageData.Size < 0 {
		return "N/A"
	}
	return tightSize(r.v.UsageData.Size)
}

// Availability, Group and Status are those of volumes of a cluster: there are
// none.
func (r volumeRow) Availability() string { return "N/A" }

// Group is that of volumes of a cluster.
func (r volumeRow) Group() string { return "N/A" }

// Status is that of volumes of a cluster.
func (r volumeRow) Status() string { return "N/A" }

// MarshalJSON is what {{json .}} shows.
func (r volumeRow) MarshalJSON() ([]byte, error) {
	return rowJSON(map[string]any{
		"Driver": r.Driver(), "Name": r.Name(), "Scope": r.Scope(), "Mountpoint": r.Mountpoint(), "Labels": r.Labels(),
		"Links": r.Links(), "Size": r.Size(), "Availability": r.Availability(), "Group": r.Group(), "Status": r.Status(),
	})
}
