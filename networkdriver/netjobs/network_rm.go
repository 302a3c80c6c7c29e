package netjobs

import "github.com/enginejobs/docker/engine"

// networkRm describes network_rm.
//
// Usage: network_rm NETWORK
// Stdout: nothing.
// Errors: NotFound, InvalidArgument (an ambiguous id), Forbidden (predefined, or
// containers are on it), Conflict (it is being made or removed).
// Events: destroy.
func (d *doors) networkRm() engine.Declaration {
	return engine.Declaration{
		Name:    "network_rm",
		Summary: "Remove a network that no container is on.",
		Args:    []engine.Arg{{Name: "NETWORK", Summary: "name or id"}},
		Changes: true,
		Handler: d.jobNetworkRm,
	}
}

func (d *doors) jobNetworkRm(job *engine.Job) error {
	def, err := d.networks.Remove(job.Context(), job.Args[0])
	if err != nil {
		return err
	}
	d.event(job.Context(), "destroy", def)
	return nil
}
