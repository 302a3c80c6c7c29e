package server

import "github.com/enginejobs/docker/engine"

// tellImages: below 1.43 images without names have one that says so, and since 1.44
// their size is told once.
func tellImages(v version, job *engine.Job) {
	if v >= v1(44) {
		job.SetenvBool("virtual-size", false)
	}
	if v < v1(43) {
		job.SetenvBool("untagged", true)
	}
}
