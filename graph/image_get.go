//go:build linux

package graph

import (
	"time"

	"github.com/enginejobs/docker/engine"
)

func (s *Store) imageGetDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "image_get", Summary: "Tell a few things of an image.",
		Args:   []engine.Arg{{Name: "IMAGE", Summary: "name or id"}},
		Stdout: engine.JSONDocument, Handler: s.jobImageGet,
	}
}

// imageGet is the answer of the job image_get.
type imageGet struct {
	Created       string // RFC 3339 with nanoseconds
	Author        string
	Os            string
	Architecture  string
	DockerVersion string
	Id            string //nolint:revive // name of the classic engine
	Parent        string
}

// jobImageGet
//
//	Usage:  image_get IMAGE
//	Stdout: JSON object: Created, Author, Os, Architecture, DockerVersion, Id, Parent
//	Errors: NotFound, InvalidArgument (an ambiguous id, a malformed name)
func (s *Store) jobImageGet(job *engine.Job) error {
	img, err := s.Image(job.Args[0])
	if err != nil {
		return err
	}
	return job.WriteJSON(imageGet{
		Created: img.CreatedTime().UTC().Format(time.RFC3339Nano), Author: img.Author, Os: img.OS,
		Architecture: img.Architecture, DockerVersion: img.DockerVersion, Id: img.ID, Parent: img.Parent,
	})
}
