package server

import "github.com/enginejobs/docker/engine"

// tellContainers: rows say how health checks ended since 1.52.
func tellContainers(v version, job *engine.Job) {
	if v >= v1(52) {
		job.SetenvBool("health", true)
	}
}
