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

	// From, when not empty, is an image that has made this step already, perhaps on
	// another host: the lowest Layers layers of it are those of the new image, and
	// History is what it tells of the step.
	From    string
	Layers  int
	History *History
}
