package client

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
)

// imagesListing is images for --format.
func imagesListing(digests bool) listing {
	l := listing{
		table: `{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`,
		raw:   "repository: {{.Repository}}\ntag: {{.Tag}}\nimage_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n",
		header: header{
			"ID": "IMAGE ID", "Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT",
			"Size": "SIZE", "Containers": "CONTAINERS", "VirtualSize": "SIZE", "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE",
		},
	}
	if digests {
		l.table = strings.Replace(l.table, `{{.ID}}`, `{{.Digest}}\t{{.ID}}`, 1)
		l.raw = strings.Replace(l.raw, "image_id", "digest: {{.Digest}}\nimage_id", 1)
	}
	return l
}

// imageRow is one name of an image as --format shows it: its methods are the
// fields of a template, their texts those of today's clients.
type imageRow struct {
	cli               *CLI
	img               *api.ImageSummary
	repo, tag, digest string
	long              bool // --no-trunc
}

// ID is the short id, or the whole one with --no-trunc.
func (r imageRow) ID() string {
	if r.long {
		return r.img.Id
	}
	return shortID(r.img.Id)
}

// Repository is the name without its tag.
func (r imageRow) Repository() string { return r.repo }

// Tag is the tag.
func (r imageRow) Tag() string { return r.tag }

// Digest is that of the manifest by which the image came.
func (r imageRow) Digest() string { return r.digest }

// CreatedSince is the age.
func (r imageRow) CreatedSince() string {
	if created := time.Unix(r.img.Created, 0); created.UTC().Year() > 1 {
		return r.cli.since(created)
	}
	return "N/A"
}

// CreatedAt is the time of the creation.
func (r imageRow) CreatedAt() string { return time.Unix(r.img.Created, 0).String() }

func (r imageRow) size() int64 { return max(r.img.Size, r.img.VirtualSize) }

// Size is all that the image takes.
func (r imageRow) Size() string { return briefSize(r.size()) }

// VirtualSize is the same.
func (r imageRow) VirtualSize() string { return tightSize(r.size()) }

// Containers counts those that are made from it, where the daemon was asked.
func (r imageRow) Containers() string {
	if r.img.Containers < 0 {
		return "N/A"
	}
	return strconv.FormatInt(r.img.Containers, 10)
}

// SharedSize is what it has in common with others, where the daemon was asked.
func (r imageRow) SharedSize() string {
	if r.img.SharedSize < 0 {
		return "N/A"
	}
	return tightSize(r.img.SharedSize)
}

// UniqueSize is what it has for itself, where the daemon was asked.
func (r imageRow) UniqueSize() string {
	if r.img.SharedSize < 0 {
		return "N/A"
	}
	return tightSize(r.size() - r.img.SharedSize)
}

// MarshalJSON makes {{json .}} show the row and not its source.
func (r imageRow) MarshalJSON() ([]byte, error) {
	return rowJSON(map[string]any{
		"ID": r.ID(), "Repository": r.Repository(), "Tag": r.Tag(), "Digest": r.Digest(), "CreatedSince": r.CreatedSince(),
		"CreatedAt": r.CreatedAt(), "Size": r.Size(), "VirtualSize": r.VirtualSize(), "Containers": r.Containers(),
		"SharedSize": r.SharedSize(), "UniqueSize": r.UniqueSize(),
	})
}

// imageRows makes a row for each name of an image; one without names has a
// single row.
func (cli *CLI) imageRows(img *api.ImageSummary, o imagesOptions) []imageRow {
	var list []imageRow
	add := func(repo, tag, digest string) {
		r := imageRow{cli, img, repo, tag, digest, o.noTrunc}
		if !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	var tagged []string // repositories
	for _, name := range img.RepoTags {
		repo, tag := splitTag(name)
		tagged = append(tagged, repo)
		known := false
		for _, d := range img.RepoDigests {
			if of, digest, _ := strings.Cut(d, "@"); of == repo && o.showDigests() {
				known = true
				add(repo, tag, digest)
			}
		}
		if !known {
			add(repo, tag, "<none>")
		}
	}
	for _, d := range img.RepoDigests { // names are all that is left of it
		repo, digest, _ := strings.Cut(d, "@")
		switch {
		case repo == "<none>" || slices.Contains(tagged, repo):
		case o.digests:
			add(repo, "<none>", digest)
		default:
			add(repo, "<none>", "")
		}
	}
	if len(list) == 0 {
		add("<none>", "<none>", "<none>")
	}
	return list
}
