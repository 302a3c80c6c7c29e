//go:build linux

package graph

import "github.com/enginejobs/docker/engine"

func (s *Store) imageTagDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "image_tag", Summary: "Give an image one more name, taking it from another image if need be.",
		Args: []engine.Arg{
			{Name: "NEWNAME", Summary: "the new name, with or without tag"},
			{Name: "OLDNAME", Summary: "name or id of the image"},
		},
		Changes: true, Handler: s.jobImageTag,
	}
}

// jobImageTag
//
//	Usage:  image_tag NEWNAME OLDNAME
//	Errors: NotFound (image), InvalidArgument (name)
//	Events: tag
//
// It is the older spelling of the job tag, with the arguments the other way
// round.
func (s *Store) jobImageTag(job *engine.Job) error {
	img, name, err := s.Tag(job.Args[1], job.Args[0], "", true)
	if err != nil {
		return err
	}
	s.event(job.Context(), "tag", img.ID, map[string]string{"name": name})
	return nil
}
