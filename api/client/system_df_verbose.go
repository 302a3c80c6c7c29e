package client

import (
	"fmt"
	"io"
	"strconv"

	"github.com/enginejobs/docker/api"
)

// system df -v: everything by itself. All of it was made for today's clients,
// and so are the tables.

// dfParts is what a template of system df -v sees.
type dfParts struct {
	Images     []imageRow
	Containers []psRow
	Volumes    []volumeRow
	BuildCache []cacheRow
}

func (cli *CLI) dfVerbose(u *api.DiskUsage, format string) error {
	long := format != "" && format != "table"
	var parts dfParts
	for i := range u.Images {
		img := &u.Images[i]
		r := imageRow{cli: cli, img: img, repo: "<none>", tag: "<none>", long: long}
		if len(img.RepoTags) > 0 {
			r.repo, r.tag = splitTag(img.RepoTags[0])
		} else if len(img.RepoDigests) > 0 {
			r.repo, _ = splitTag(img.RepoDigests[0])
		}
		parts.Images = append(parts.Images, r)
	}
	for _, c := range u.Containers {
		c.SizeRootFs = nil // only what they wrote counts
		parts.Containers = append(parts.Containers, psRow{cli, c, long})
	}
	for _, v := range u.Volumes {
		parts.Volumes = append(parts.Volumes, volumeRow{v})
	}
	for i := range u.BuildCache {
		parts.BuildCache = append(parts.BuildCache, cacheRow{cli, &u.BuildCache[i], long})
	}
	switch format {
	case "", "table":
		return parts.tables(cli.Out, cachesDf(u).Size())
	case "raw":
		return parts.raw(cli.Out)
	}
	f, err := parseTemplate(format)
	if err != nil {
		return err
	}
	return f.execute(cli.Out, parts) // and no end of the line: the template has it
}

// tables writes a table for each kind.
func (p *dfParts) tables(w io.Writer, caches string) error {
	images, containers := imagesListing(false), psListing(true)
	images.table = `{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}`
	containers.table = `{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}`
	volumes := volumeListing()
	volumes.table = `{{.Name}}\t{{.Links}}\t{{.Size}}`
	for _, part := range []struct {
		title string
		rows  func() error
	}{
		{"Images space usage:", func() error { return rows(w, "table", images, p.Images) }},
		{"\nContainers space usage:", func() error { return rows(w, "table", containers, p.Containers) }},
		{"\nLocal Volumes space usage:", func() error { return rows(w, "table", volumes, p.Volumes) }},
		{"\nBuild cache usage: " + caches, func() error { return rows(w, "table", cacheListing(), p.BuildCache) }},
	} {
		fmt.Fprint(w, part.title, "\n\n")
		if err := part.rows(); err != nil {
			return err
		}
	}
	return nil
}

// raw writes a paragraph for each thing.
func (p *dfParts) raw(w io.Writer) error {
	images, containers := imagesListing(true), psListing(true)
	images.raw = "type: Image\n" + images.raw
	containers.raw = "type: Container\n" + containers.raw
	volumes := volumeListing()
	volumes.raw = "type: Volume\n" + volumes.raw
	if err := rows(w, "raw", images, p.Images); err != nil {
		return err
	}
	if err := rows(w, "raw", containers, p.Containers); err != nil {
		return err
	}
	if err := rows(w, "raw", volumes, p.Volumes); err != nil {
		return err
	}
	return rows(w, "raw", cacheListing(), p.BuildCache)
}

// cacheListing is the caches of builds for --format.
func cacheListing() listing {
	return listing{
		table: `{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}`,
		raw: "type: Build Cache\nbuild_cache_id: {{.ID}}\nparent_id: {{.Parent}}\nbuild_cache_type: {{.CacheType}}\ndescription: {{.Description}}\n" +
			"created_at: {{.CreatedAt}}\ncreated_since: {{.CreatedSince}}\nlast_used_at: {{.LastUsedAt}}\nlast_used_since: {{.LastUsedSince}}\n" +
			"usage_count: {{.UsageCount}}\nin_use: {{.InUse}}\nshared: {{.Shared}}\n",
		header: header{
			"ID": "CACHE ID", "CacheType": "CACHE TYPE", "Size": "SIZE", "CreatedSince": "CREATED", "LastUsedSince": "LAST USED",
			"UsageCount": "USAGE", "Shared": "SHARED",
		},
	}
}

// cacheRow is a cache of builds as --format shows it.
type cacheRow struct {
	cli  *CLI
	c    *api.BuildCache
	long bool
}

// ID is the short id, with a star when a build has it now; or the whole one.
func (r cacheRow) ID() string {
	id := r.c.ID
	if !r.long {
		id = shortID(id)
	}
	if r.c.InUse {
		id += "*"
	}
	return id
}

// Parent is what it was made from.
func (r cacheRow) Parent() string { return r.c.Parent }

// CacheType is "exec.cachemount" and the like.
func (r cacheRow) CacheType() string { return r.c.Type }

// Description says what is in it.
func (r cacheRow) Description() string { return r.c.Description }

// Size is what it takes.
func (r cacheRow) Size() string { return briefSize(r.c.Size) }

// CreatedAt is when it was made.
func (r cacheRow) CreatedAt() string { return r.c.CreatedAt.String() }

// CreatedSince is its age.
func (r cacheRow) CreatedSince() string { return r.cli.since(r.c.CreatedAt) }

// LastUsedAt is when a build had it last.
func (r cacheRow) LastUsedAt() string {
	if r.c.LastUsedAt == nil {
		return ""
	}
	return r.c.LastUsedAt.String()
}

// LastUsedSince is how long ago that is.
func (r cacheRow) LastUsedSince() string {
	if r.c.LastUsedAt == nil {
		return ""
	}
	return r.cli.since(*r.c.LastUsedAt)
}

// UsageCount is how many builds had it.
func (r cacheRow) UsageCount() string { return strconv.Itoa(r.c.UsageCount) }

// InUse tells whether a build has it now.
func (r cacheRow) InUse() string { return strconv.FormatBool(r.c.InUse) }

// Shared tells whether images have it, too.
func (r cacheRow) Shared() string { return strconv.FormatBool(r.c.Shared) }

// MarshalJSON makes {{json .}} show the row and not its source.
func (r cacheRow) MarshalJSON() ([]byte, error) {
	return rowJSON(map[string]any{
		"CacheType": r.CacheType(), "CreatedAt": r.CreatedAt(), "CreatedSince": r.CreatedSince(), "Description": r.Description(), "ID": r.ID(),
		"InUse": r.InUse(), "LastUsedAt": r.LastUsedAt(), "LastUsedSince": r.LastUsedSince(), "Parent": r.Parent(), "Shared": r.Shared(),
		"Size": r.Size(), "UsageCount": r.UsageCount(),
	})
}
