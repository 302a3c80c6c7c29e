package netjobs

import "github.com/enginejobs/docker/engine"

// releaseInterface describes release_interface.
//
// Usage: release_interface ID
// Stdout: nothing.
// Errors: NotFound when the container has no interface (there).
func (d *doors) releaseInterface() engine.Declaration {
	return engine.Declaration{
		Name:    "release_interface",
		Summary: "Take back the addresses, the ports and the namespace of a container, or those of one network.",
		Args:    id(),
		Env: []engine.Key{
			{Name: "Network", Type: engine.String, Summary: "name or id; empty: all"},
			{Name: "Running", Type: engine.Bool, Default: "0", Summary: "the container runs on: its interface goes now"},
			{Name: "overrideShutdown", Type: engine.Bool, Default: "0", Summary: "accepted for compatibility; has no effect"},
		},
		Changes: true,
		Handler: d.jobReleaseInterface,
	}
}

func (d *doors) jobReleaseInterface(job *engine.Job) error {
	id, network, running, err := decodeReleaseInterface(job)
	if err != nil {
		return err
	}
	return d.networks.Release(job.Context(), network, id, running)
}

func decodeReleaseInterface(job *engine.Job) (id, network string, running bool, err error) {
	id, err = checkID(job)
	return id, job.Getenv("Network"), job.GetenvBool("Running"), err
}
