package client

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

type imagesOptions struct {
	all, quiet, noTrunc, digests, tree, viz, check bool
	filters                                        []string
	format, repository                             string
}

func newImages(cli *CLI, flags *mflag.Set) runFunc {
	var o imagesOptions
	flags.Bool(&o.all, "-a --all", "Show all images (by default filter out the\nintermediate image layers)")
	flags.Bool(&o.quiet, "-q --quiet", "Only show numeric IDs")
	flags.Bool(&o.noTrunc, "~-notrunc --no-trunc", "Don't truncate output")
	flags.Bool(&o.digests, "--digests", "Show digests")
	flags.List(&o.filters, "-f --filter", "Provide filter values (i.e. 'dangling=true')", checkFilter)
	flags.String(&o.format, "--format", "Format the output by a Go template")
	flags.Bool(&o.check, "--check", "Read the images again and name what is damaged or missing")
	flags.Bool(&o.tree, "~-t ~-tree ~--tree", "Output a tree of images")
	flags.Bool(&o.viz, "~-v ~-viz ~--viz", "Output a graph of images")
	return func(ctx context.Context, args []string) error {
		if len(args) > 0 {
			o.repository = args[0]
		}
		if o.check {
			return cli.imagesCheck(ctx, args)
		}
		if o.tree || o.viz {
			return cli.imageTree(ctx, o)
		}
		return cli.images(ctx, o)
	}
}

func (cli *CLI) images(ctx context.Context, o imagesOptions) error {
	o.format = cli.formatOr(o.format, o.quiet, "imagesFormat")
	list, err := cli.listImages(ctx, o)
	if err != nil {
		return err
	}
	var table []imageRow
	for i := range list {
		table = append(table, cli.imageRows(&list[i], o)...)
	}
	switch {
	case o.format != "" && (!o.quiet || o.format != "table"):
		return rows(cli.Out, o.format, imagesListing(o.digests), table)
	case o.quiet:
		for _, r := range table {
			fmt.Fprintln(cli.Out, r.ID())
		}
		return nil
	}
	tw := newTable(cli.Out)
	head, digest := "REPOSITORY\tTAG\t", "DIGEST\t"
	if !o.digests {
		digest = ""
	}
	fmt.Fprintln(tw, head+digest+"IMAGE ID\tCREATED\tVIRTUAL SIZE")
	for _, r := range table {
		cells := []string{r.Repository(), r.Tag(), r.ID(), cli.ago(r.img.Created), humanSize(r.size())}
		if o.digests {
			cells = slices.Insert(cells, 2, r.Digest())
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	return tw.Flush()
}

// showDigests tells whether the rows have digests: then a name has a row for
// each.
func (o imagesOptions) showDigests() bool {
	return o.digests || strings.Contains(o.format, "{{.Digest}}")
}

func (cli *CLI) listImages(ctx context.Context, o imagesOptions) ([]api.ImageSummary, error) {
	query := url.Values{}
	setFlag(query, "all", o.all || o.tree || o.viz)
	setFlag(query, "digests", o.digests)
	filters := o.filters
	if o.repository != "" && !o.tree && !o.viz {
		filters = append(filters[:len(filters):len(filters)], "reference="+o.repository)
	}
	setFilters(query, filters)
	var list []api.ImageSummary
	err := cli.http.getJSON(ctx, "/images/json", query, &list)
	return list, err
}
