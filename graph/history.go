//go:build linux

package graph

import (
	"slices"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/image"
)

func (s *Store) historyDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "history", Summary: "Show the steps that made an image, newest first.",
		Args:   []engine.Arg{{Name: "IMAGE", Summary: "name or id"}},
		Env:    []engine.Key{{Name: "platform", Summary: "has to be the image's when it is given"}},
		Stdout: engine.JSONDocument, Handler: s.jobHistory,
	}
}

// jobHistory
//
//	Usage:  history IMAGE
//	Env:    platform
//	Stdout: JSON list of api.ImageHistory
//	Errors: NotFound (also of the platform), InvalidArgument (an ambiguous id, a
//	        malformed name or platform)
func (s *Store) jobHistory(job *engine.Job) error {
	img, err := s.imageFor(job.Args[0], job.Getenv("platform"))
	if err != nil {
		return err
	}
	return job.WriteJSON(s.history(img))
}

// history lists the steps. The newest is the image itself; the older ones are
// images only when they were made here.
func (s *Store) history(img *image.Image) []api.ImageHistory {
	now := s.current.Load()
	sizes := s.layerSizes(img)
	steps := img.Document.History
	if len(steps) == 0 { // documents need not tell
		steps = make([]image.History, len(sizes))
	}
	rows := make([]api.ImageHistory, 0, len(steps))
	next := 0
	for _, h := range steps {
		row := api.ImageHistory{Id: "<missing>", CreatedBy: h.CreatedBy, Comment: h.Comment}
		if h.Created != nil {
			row.Created = h.Created.Unix()
		}
		if !h.EmptyLayer && next < len(sizes) {
			row.Size = sizes[next]
			next++
		}
		rows = append(rows, row)
	}
	slices.Reverse(rows)
	at := img
	for i := range rows {
		if at == nil {
			break
		}
		rows[i].Id, rows[i].Tags = at.ID, at.RepoTags
		at = now.images[at.Parent]
	}
	return rows
}
