package image

import "github.com/enginejobs/docker/runconfig"

// Append says what the next image on another one is to be: the Spec of job
// image_append.
type Append struct {
	Config          *runconfig.Config // of the new image
	ContainerConfig *runconfig.Config // for the record, and what a build's cache compares
	CreatedBy       string            // what made it, for its history
	Author, Comment string
	Platform        string // os[/architecture[/variant]] of one on nothing; empty: this host's
}
