package netjobs

import "github.com/enginejobs/docker/engine"

// releaseInterface describes release_interface.
//
// Usage: release_interface ID
// Stdout: nothing.
// Errors: NotFound when the container has no interface.
func (d *doors) releaseInterface() engine.Declaration {
	return engine.Declaration{
		Name:    "release_interface",
		Summary: "Take back the address, the ports and the namespace of a container.",
		Args:    id(),
		Env: []engine.Key{
			{Name: "overrideShutdown", Type: engine.Bool, Default: "0", Summary: "accepted for compatibility; has no effect"},
		},
		Changes: true,
		Handler: d.jobReleaseInterface,
	}
}

func (d *doors) jobReleaseInterface(job *engine.Job) error {
	id, err := checkID(job)
	if err != nil {
		return err
	}
	return d.driver.Release(job.Context(), id)
}
