//go:build linux

package graph

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/image"
)

func (s *Store) vizDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "viz", Summary: "Draw which image was made from which, as text for Graphviz.",
		Stdout: engine.Bytes, Handler: s.jobViz,
	}
}

// jobViz
//
//	Usage:  viz
//	Stdout: a directed graph in the language of Graphviz: an edge for each image
//	        from the one it was made from, a label for each that has names
func (s *Store) jobViz(job *engine.Job) error {
	out := bufio.NewWriter(job.Stdout)
	now := s.current.Load()
	fmt.Fprintln(out, "digraph docker {")
	oldest := slices.Clone(now.newest)
	slices.Reverse(oldest)
	for _, img := range oldest {
		id := image.ShortID(img.ID)
		if img.Parent == "" || now.images[img.Parent] == nil {
			fmt.Fprintf(out, " base -> %q [style=invis]\n", id)
		} else {
			fmt.Fprintf(out, " %q -> %q\n", image.ShortID(img.Parent), id)
		}
	}
	for _, img := range oldest {
		if len(img.RepoTags) > 0 {
			id := image.ShortID(img.ID)
			fmt.Fprintf(out, " %q [label=\"%s\\n%s\",shape=box,fillcolor=\"paleturquoise\",style=\"filled,rounded\"];\n",
				id, id, strings.Join(img.RepoTags, `\n`))
		}
	}
	fmt.Fprint(out, " base [style=invisible]\n}\n")
	return out.Flush()
}
