package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

type systemDfOptions struct {
	verbose bool
	format  string
}

func newSystemDf(cli *CLI, flags *mflag.Set) runFunc {
	var o systemDfOptions
	flags.Bool(&o.verbose, "-v --verbose", "Show each image, container and volume")
	flags.Func(setFormat(&o.format), "--format", "Format the output: table, json (a line for each type)\nor a Go template")
	return func(ctx context.Context, _ []string) error { return cli.systemDf(ctx, o) }
}

// usage is the answer in both of its forms: since 1.52 there is one object for
// each kind.
type usage struct {
	api.DiskUsage
	ImageUsage struct {
		TotalSize int64
		Items     []api.ImageSummary
	}
	ContainerUsage struct{ Items []api.ContainerSummary }
	VolumeUsage    struct{ Items []api.Volume }

	BuildCacheUsage struct{ Items []api.BuildCache }
}

func (cli *CLI) systemDf(ctx context.Context, o systemDfOptions) error {
	var u usage
	if err := cli.http.getJSON(ctx, "/system/df", nil, &u); err != nil {
		return err
	}
	u.Images = append(u.Images, u.ImageUsage.Items...)
	u.Containers = append(u.Containers, u.ContainerUsage.Items...)
	u.Volumes = append(u.Volumes, u.VolumeUsage.Items...)
	u.BuildCache = append(u.BuildCache, u.BuildCacheUsage.Items...)
	u.LayersSize = max(u.LayersSize, u.ImageUsage.TotalSize)
	usage := u.DiskUsage
	table := []dfRow{imagesDf(&usage), containersDf(&usage), volumesDf(&usage), cachesDf(&usage)}
	switch {
	case o.verbose:
		return cli.dfVerbose(&usage)
	case o.format != "":
		return rows(cli.Out, o.format, dfHeader, table)
	}
	tw := newTable(cli.Out)
	fmt.Fprintln(tw, "TYPE\tTOTAL\tACTIVE\tSIZE\tRECLAIMABLE")
	for _, r := range table {
		fmt.Fprintf(tw, "%s\t%d\t%d\t%s\t%s\n", r.Type, r.TotalCount, r.Active, r.Size(), r.Reclaimable())
	}
	return tw.Flush()
}

// dfHeader is the header of a table that a template describes.
var dfHeader = map[string]any{
	"Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE",
}

// dfRow is the sum of one kind.
type dfRow struct {
	Type               string
	TotalCount, Active int
	total, free        int64 // bytes
}

// Size is of all.
func (r dfRow) Size() string { return shortSize(r.total) }

// Reclaimable is of those that nothing uses, and its part of the whole.
func (r dfRow) Reclaimable() string {
	if r.total <= 0 {
		return shortSize(r.free)
	}
	return fmt.Sprintf("%s (%d%%)", shortSize(r.free), r.free*100/r.total)
}

// MarshalJSON is what {{json .}} shows.
func (r dfRow) MarshalJSON() ([]byte, error) {
	return jsonNoEscape(map[string]string{
		"Type": r.Type, "TotalCount": fmt.Sprint(r.TotalCount), "Active": fmt.Sprint(r.Active), "Size": r.Size(), "Reclaimable": r.Reclaimable(),
	})
}

func imagesDf(u *api.DiskUsage) dfRow {
	r := dfRow{Type: "Images", TotalCount: len(u.Images), total: u.LayersSize}
	var used int64
	for _, i := range u.Images {
		if i.Containers > 0 {
			r.Active++
			used += i.Size
		}
	}
	r.free = max(r.total-used, 0)
	return r
}

func containersDf(u *api.DiskUsage) dfRow {
	r := dfRow{Type: "Containers", TotalCount: len(u.Containers)}
	for _, c := range u.Containers {
		size := int64(0)
		if c.SizeRw != nil {
			size = max(*c.SizeRw, 0)
		}
		r.total += size
		if c.State == "running" || c.State == "paused" || c.State == "restarting" {
			r.Active++
		} else {
			r.free += size
		}
	}
	return r
}

func volumesDf(u *api.DiskUsage) dfRow {
	r := dfRow{Type: "Local Volumes", TotalCount: len(u.Volumes)}
	for _, v := range u.Volumes {
		if v.UsageData == nil {
			continue
		}
		r.total += max(v.UsageData.Size, 0)
		if v.UsageData.RefCount > 0 {
			r.Active++
		} else {
			r.free += max(v.UsageData.Size, 0)
		}
	}
	return r
}

func cachesDf(u *api.DiskUsage) dfRow {
	r := dfRow{Type: "Build Cache", TotalCount: len(u.BuildCache)}
	for _, c := range u.BuildCache {
		r.total += c.Size
		if c.InUse {
			r.Active++
		} else {
			r.free += c.Size
		}
	}
	return r
}

// dfVerbose shows everything by itself.
func (cli *CLI) dfVerbose(u *api.DiskUsage) error {
	w := cli.Out
	fmt.Fprint(w, "Images space usage:\n\n")
	tw := newTable(w)
	fmt.Fprintln(tw, "REPOSITORY\tTAG\tIMAGE ID\tSIZE\tCONTAINERS")
	for _, i := range u.Images {
		repo, tag := "<none>", "<none>"
		if len(i.RepoTags) > 0 {
			repo, tag = splitTag(i.RepoTags[0])
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\n", repo, tag, shortID(i.Id), humanSize(i.Size), i.Containers)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprint(w, "\nContainers space usage:\n\n")
	fmt.Fprintln(tw, "CONTAINER ID\tIMAGE\tSIZE\tSTATUS\tNAMES")
	for _, c := range u.Containers {
		size, name := int64(0), ""
		if c.SizeRw != nil {
			size = *c.SizeRw
		}
		if len(c.Names) > 0 {
			name = c.Names[0][min(1, len(c.Names[0])):]
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", shortID(c.Id), c.Image, humanSize(size), c.Status, name)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprint(w, "\nLocal Volumes space usage:\n\n")
	fmt.Fprintln(tw, "VOLUME NAME\tLINKS\tSIZE")
	for _, v := range u.Volumes {
		r := volumeRow{v}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", r.Name(), r.Links(), r.Size())
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nBuild cache usage: %s\n\n", cachesDf(u).Size())
	fmt.Fprintln(tw, "CACHE ID\tCACHE TYPE\tSIZE\tCREATED\tLAST USED\tUSAGE\tSHARED")
	for _, c := range u.BuildCache {
		id, used := c.ID, ""
		if c.InUse {
			id += "*"
		}
		if c.LastUsedAt != nil {
			used = cli.ago(c.LastUsedAt.Unix())
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%d\t%t\n", id, c.Type, shortSize(c.Size), cli.ago(c.CreatedAt.Unix()), used, c.UsageCount, c.Shared)
	}
	return tw.Flush()
}
