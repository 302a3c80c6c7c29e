package client

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

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
	flags.String(&o.format, "--format", "Format the output: table, json (a line for each type)\nor a Go template")
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
	if o.verbose {
		return cli.dfVerbose(&usage, o.format)
	}
	return rows(cli.Out, cmp.Or(o.format, "table"), dfListing(), table)
}

// dfListing is system df for --format.
func dfListing() listing {
	return listing{
		table: `{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}`,
		raw:   "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\nreclaimable: {{.Reclaimable}}\n",
		header: header{
			"Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE",
		},
	}
}

// dfRow is the sum of one kind.
type dfRow struct {
	kind          string
	count, active int
	total, free   int64 // bytes
	bare          bool  // never say which part is free
}

// Type is what is summed up.
func (r dfRow) Type() string { return r.kind }

// TotalCount is how many there are.
func (r dfRow) TotalCount() string { return strconv.Itoa(r.count) }

// Active is how many of them something uses.
func (r dfRow) Active() string { return strconv.Itoa(r.active) }

// Size is of all.
func (r dfRow) Size() string { return tightSize(r.total) }

// Reclaimable is of those that nothing uses, and its part of the whole.
func (r dfRow) Reclaimable() string {
	if r.total <= 0 || r.bare {
		return tightSize(r.free)
	}
	return fmt.Sprintf("%s (%d%%)", tightSize(r.free), r.free*100/r.total)
}

// MarshalJSON is what {{json .}} shows.
func (r dfRow) MarshalJSON() ([]byte, error) {
	return rowJSON(map[string]any{
		"Type": r.Type(), "TotalCount": r.TotalCount(), "Active": r.Active(), "Size": r.Size(), "Reclaimable": r.Reclaimable(),
	})
}

func imagesDf(u *api.DiskUsage) dfRow {
	r := dfRow{kind: "Images", count: len(u.Images), total: u.LayersSize}
	var used int64
	for _, i := range u.Images {
		if i.Containers > 0 {
			r.active++
			used += i.Size - max(i.SharedSize, 0)
		}
	}
	r.free = max(r.total-used, 0)
	return r
}

func containersDf(u *api.DiskUsage) dfRow {
	r := dfRow{kind: "Containers", count: len(u.Containers)}
	for _, c := range u.Containers {
		size := int64(0)
		if c.SizeRw != nil {
			size = max(*c.SizeRw, 0)
		}
		r.total += size
		if c.State == "running" || c.State == "paused" || c.State == "restarting" {
			r.active++
		} else {
			r.free += size
		}
	}
	return r
}

func volumesDf(u *api.DiskUsage) dfRow {
	r := dfRow{kind: "Local Volumes", count: len(u.Volumes)}
	for _, v := range u.Volumes {
		if v.UsageData == nil {
			continue
		}
		r.total += max(v.UsageData.Size, 0)
		if v.UsageData.RefCount > 0 {
			r.active++
		} else {
			r.free += max(v.UsageData.Size, 0)
		}
	}
	return r
}

func cachesDf(u *api.DiskUsage) dfRow {
	r := dfRow{kind: "Build Cache", count: len(u.BuildCache), bare: true}
	for _, c := range u.BuildCache {
		if c.InUse {
			r.active++
		}
		if c.Shared { // with an image, which has been counted
			continue
		}
		r.total += c.Size
		if !c.InUse {
			r.free += c.Size
		}
	}
	return r
}
