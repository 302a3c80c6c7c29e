package server

import "github.com/enginejobs/docker/engine"

// tellContainers: rows say how health checks ended since 1.52.
func tellContainers(v version, job *engine.Job) {
	if v >= v1(52) {
		job.SetenvBool("health", true)
	}
}

// tellInspect: the exec driver is told below 1.22, and what is known of the default
// network a second time below 1.52.
func tellInspect(v version, job *engine.Job) {
	if v >= v1(22) {
		job.SetenvBool("exec-driver", false)
	}
	if v >= v1(52) {
		job.SetenvBool("main-network", false)
	}
}
