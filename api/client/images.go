package client

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

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
	flags.Func(setFormat(&o.format), "--format", "Format the output by a Go template")
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

// imageRow is what a template of images sees.
type imageRow struct {
	ID, Repository, Tag, Digest, CreatedSince, CreatedAt, Size string
}

func (cli *CLI) images(ctx context.Context, o imagesOptions) error {
	list, err := cli.listImages(ctx, o)
	if err != nil {
		return err
	}
	var table []imageRow
	for _, img := range list {
		table = append(table, cli.imageRows(img, o)...)
	}
	switch {
	case o.format != "" && !o.quiet:
		header := map[string]any{"ID": "IMAGE ID", "Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST",
			"CreatedSince": "CREATED", "CreatedAt": "CREATED AT", "Size": "SIZE"}
		return rows(cli.Out, o.format, header, table)
	case o.quiet:
		for _, r := range table {
			fmt.Fprintln(cli.Out, r.ID)
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
		cells := []string{r.Repository, r.Tag, r.ID, r.CreatedSince, r.Size}
		if o.digests {
			cells = []string{r.Repository, r.Tag, r.Digest, r.ID, r.CreatedSince, r.Size}
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	return tw.Flush()
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

// imageRows makes a row for each name of an image; one without names has a
// single row.
func (cli *CLI) imageRows(img api.ImageSummary, o imagesOptions) []imageRow {
	size := img.Size
	if img.VirtualSize > size {
		size = img.VirtualSize
	}
	base := imageRow{
		ID: img.Id, CreatedSince: cli.ago(img.Created), Size: humanSize(size),
		CreatedAt: time.Unix(img.Created, 0).String(), Repository: "<none>", Tag: "<none>", Digest: "<none>",
	}
	if !o.noTrunc {
		base.ID = shortID(base.ID)
	}
	var list []imageRow
	add := func(repo, tag, digest string) {
		r := base
		r.Repository, r.Tag, r.Digest = repo, tag, digest
		if !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	for _, name := range img.RepoTags {
		repo, tag := splitTag(name)
		known := false
		for _, d := range img.RepoDigests {
			if of, digest, _ := strings.Cut(d, "@"); of == repo && (!known || o.digests) {
				known = true
				add(repo, tag, digest)
			}
		}
		if !known {
			add(repo, tag, "<none>")
		}
	}
	if len(list) > 0 {
		return list
	}
	for _, d := range img.RepoDigests { // names are all that is left of it
		if repo, digest, _ := strings.Cut(d, "@"); repo != "<none>" && (len(list) == 0 || o.digests || list[len(list)-1].Repository != repo) {
			add(repo, "<none>", digest)
		}
	}
	if len(list) > 0 {
		return list
	}
	return []imageRow{base}
}
