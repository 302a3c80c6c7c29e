package image

import "github.com/enginejobs/docker/runconfig"

// Commit says what the image of a container is to be.
type Commit struct {
	Container       string            // full id
	Parent          string            // id of the image that the container was made from
	Config          *runconfig.Config // of the new image
	ContainerConfig *runconfig.Config // of the container, for the record
	CreatedBy       string            // what the container ran
	Author, Comment string
	Repo, Tag       string   // name of the new image; may be empty
	Stubs           []string // places of mounts: no part of the image when they are new and empty
	// Read, when not nil, is called once everything of the container is read: it
	// may go on then.
	Read func()
}
