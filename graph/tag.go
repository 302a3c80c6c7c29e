//go:build linux

package graph

import "github.com/enginejobs/docker/engine"

func (s *Store) tagDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "tag", Summary: "Give an image one more name.",
		Args: []engine.Arg{
			{Name: "IMAGE", Summary: "name or id"},
			{Name: "REPO", Summary: "the new name, with or without tag"},
			{Name: "TAG", Optional: true, Summary: "tag, \"latest\" by default"},
		},
		Env: []engine.Key{
			{Name: "force", Type: engine.Bool, Default: "true", Summary: "move a name that exists; false makes it a Conflict, as clients before API 1.24 expect"},
		},
		Changes: true, Handler: s.jobTag,
	}
}

type tagOptions struct {
	image, repo, tag string
	force            bool
}

func decodeTag(job *engine.Job) tagOptions {
	opt := tagOptions{image: job.Args[0], repo: job.Args[1], force: job.GetenvBool("force")}
	if len(job.Args) > 2 {
		opt.tag = job.Args[2]
	}
	return opt
}

// jobTag
//
//	Usage:  tag IMAGE REPO [TAG]
//	Env:    force (true)
//	Errors: NotFound (image), InvalidArgument (name), Conflict (the name exists
//	        and force is false)
//	Events: tag
func (s *Store) jobTag(job *engine.Job) error {
	opt := decodeTag(job)
	img, name, err := s.Tag(opt.image, opt.repo, opt.tag, opt.force)
	if err != nil {
		return err
	}
	s.event(job.Context(), "tag", img.ID, map[string]string{"name": name})
	return nil
}
