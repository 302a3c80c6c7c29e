package client

import (
	"context"
	"fmt"
	"net/url"
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
	if o.quiet || o.format != "" {
		return cli.imageList(ctx, o)
	}
	tw := newTable(cli.Out)
	head, digest := "REPOSITORY\tTAG\t", "DIGEST\t"
	if !o.digests {
		digest = ""
	}
	fmt.Fprintln(tw, head+digest+"IMAGE ID\tCREATED\tVIRTUAL SIZE")
	err := cli.eachImage(ctx, o, func(r imageRow) {
		digest := ""
		if o.digests {
			digest = r.Digest() + "\t"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s%s\t%s\t%s\n", r.Repository(), r.Tag(), digest, r.ID(), cli.ago(r.img.Created), humanSize(r.size()))
	})
	if err != nil {
		return err
	}
	return tw.Flush()
}

// imageList is images with --quiet or --format.
func (cli *CLI) imageList(ctx context.Context, o imagesOptions) error {
	var table []imageRow
	if err := cli.eachImage(ctx, o, func(r imageRow) { table = append(table, r) }); err != nil {
		return err
	}
	if o.format != "" && (!o.quiet || o.format != "table") {
		return rows(cli.Out, o.format, imagesListing(o.digests), table)
	}
	return printLines(cli.Out, table, imageRow.ID)
}

// showDigests tells whether the rows have digests: then a name has a row for
// each.
func (o imagesOptions) showDigests() bool {
	return o.digests || strings.Contains(o.format, "{{.Digest}}")
}

// eachImage gives show each row of the images.
func (cli *CLI) eachImage(ctx context.Context, o imagesOptions, show func(imageRow)) error {
	return eachRow(ctx, cli.http, "/images/json", o.query(), func(img *api.ImageSummary) {
		for _, row := range cli.imageRows(img, o) {
			show(row)
		}
	})
}

// query are the options as those of the request.
func (o imagesOptions) query() url.Values {
	query := url.Values{}
	setFlag(query, "all", o.all || o.tree || o.viz)
	setFlag(query, "digests", o.digests)
	filters := o.filters
	if o.repository != "" && !o.tree && !o.viz {
		filters = append(filters[:len(filters):len(filters)], "reference="+o.repository)
	}
	setFilters(query, filters)
	return query
}
