package client

import (
	"context"
	"fmt"
	"strings"

	"github.com/enginejobs/docker/api"
)

// The two oldest views of images, images --tree and images --viz: still
// accepted, with a warning.

// imageForest knows the children of every image, in the server's order.
type imageForest struct {
	cli      *CLI
	o        imagesOptions
	children map[string][]api.ImageSummary
}

func (cli *CLI) imageTree(ctx context.Context, o imagesOptions) error {
	var list []api.ImageSummary
	if err := cli.http.getJSON(ctx, "/images/json", o.query(), &list); err != nil {
		return err
	}
	f := &imageForest{cli: cli, o: o, children: make(map[string][]api.ImageSummary)}
	var roots []api.ImageSummary
	for _, img := range list {
		if img.ParentId == "" {
			roots = append(roots, img)
		} else {
			f.children[img.ParentId] = append(f.children[img.ParentId], img)
		}
	}
	if o.repository != "" {
		roots = nil
		for _, img := range list {
			if imageIs(img, o.repository) {
				roots = []api.ImageSummary{img}
				break
			}
		}
	}
	if o.viz {
		fmt.Fprintln(cli.Out, "digraph docker {")
		f.viz(roots)
		fmt.Fprintln(cli.Out, " base [style=invisible]\n}")
		return nil
	}
	f.tree(roots, "")
	return nil
}

func imageIs(img api.ImageSummary, name string) bool {
	if name == img.Id || name == shortID(img.Id) {
		return true
	}
	for _, tag := range img.RepoTags {
		if tag == withTag(name) {
			return true
		}
	}
	return false
}

func (f *imageForest) id(img api.ImageSummary) string {
	if f.o.noTrunc {
		return img.Id
	}
	return shortID(img.Id)
}

func tagsOf(img api.ImageSummary) []string {
	var tags []string
	for _, t := range img.RepoTags {
		if t != "<none>:<none>" {
			tags = append(tags, t)
		}
	}
	return tags
}

func (f *imageForest) tree(list []api.ImageSummary, prefix string) {
	for i, img := range list {
		branch, below := "├─", "│ "
		if i == len(list)-1 {
			branch, below = "└─", "  "
		}
		if f.o.quiet {
			fmt.Fprintln(f.cli.Out, f.id(img))
		} else {
			tags := ""
			if t := tagsOf(img); len(t) > 0 {
				tags = " Tags: " + strings.Join(t, ", ")
			}
			size := max(img.Size, img.VirtualSize)
			fmt.Fprintf(f.cli.Out, "%s%s%s Virtual Size: %s%s\n", prefix, branch, f.id(img), humanSize(size), tags)
		}
		f.tree(f.children[img.Id], prefix+below)
	}
}

func (f *imageForest) viz(list []api.ImageSummary) {
	for _, img := range list {
		id := f.id(img)
		if img.ParentId == "" {
			fmt.Fprintf(f.cli.Out, " base -> \"%s\" [style=invis]\n", id)
		} else {
			parent := img.ParentId
			if !f.o.noTrunc {
				parent = shortID(parent)
			}
			fmt.Fprintf(f.cli.Out, " \"%s\" -> \"%s\"\n", parent, id)
		}
		if tags := tagsOf(img); len(tags) > 0 {
			fmt.Fprintf(f.cli.Out, " \"%s\" [label=\"%s\\n%s\",shape=box,fillcolor=\"paleturquoise\",style=\"filled,rounded\"];\n",
				id, id, strings.Join(tags, "\\n"))
		}
		f.viz(f.children[img.Id])
	}
}
