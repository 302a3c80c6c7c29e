package netjobs

import "github.com/enginejobs/docker/engine"

// nameInterface describes name_interface.
//
// Usage: name_interface ID
// Env: Network: name or id. Names: all that others on it find the container by.
// Stdout: nothing.
// Errors: NotFound for the network and when the container is not on it.
func (d *doors) nameInterface() engine.Declaration {
	return engine.Declaration{
		Name:    "name_interface",
		Summary: "Change the names under which others on a network find a container.",
		Args:    id(),
		Env: []engine.Key{
			{Name: "Names", Type: engine.List, Summary: "all of them"},
			{Name: "Network", Type: engine.String, Summary: "name or id"},
		},
		Changes: true,
		Handler: d.jobNameInterface,
	}
}

func (d *doors) jobNameInterface(job *engine.Job) error {
	id, network, names, err := decodeNameInterface(job)
	if err != nil {
		return err
	}
	return d.networks.Rename(network, id, names)
}

func decodeNameInterface(job *engine.Job) (id, network string, names []string, err error) {
	id, err = checkID(job)
	return id, job.Getenv("Network"), job.GetenvList("Names"), err
}
