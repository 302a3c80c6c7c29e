package netjobs

import (
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver/networks"
	"github.com/enginejobs/docker/pkg/filters"
)

// networksPrune describes networks_prune.
//
// Usage: networks_prune
// Env: filters: until (a time, or a duration ago), label, label!.
// Stdout: one api.NetworksPruned.
// Errors: InvalidArgument (filters).
// Events: destroy for each, prune.
func (d *doors) networksPrune() engine.Declaration {
	return engine.Declaration{
		Name:    "networks_prune",
		Summary: "Remove networks that no container is on.",
		Env:     []engine.Key{{Name: "filters", Type: engine.JSON, Summary: "until (a time, or a duration ago), label, label!"}},
		Stdout:  engine.JSONDocument,
		Changes: true,
		Handler: d.jobNetworksPrune,
	}
}

func (d *doors) jobNetworksPrune(job *engine.Job) error {
	f, until, err := decodeNetworksPrune(job)
	if err != nil {
		return err
	}
	out := api.NetworksPruned{NetworksDeleted: []string{}}
	for _, def := range d.networks.List() {
		switch {
		case networks.Predefined(def.Name), !f.Labels(def.Labels), !until.IsZero() && def.Created.After(until):
			continue
		}
		def, err := d.networks.Remove(job.Context(), def.ID)
		switch {
		case errdefs.Is(err, errdefs.KindForbidden), errdefs.IsConflict(err), errdefs.IsNotFound(err):
			continue // somebody is on it, or removes it
		case err != nil:
			return err
		}
		d.event(job.Context(), "destroy", def)
		out.NetworksDeleted = append(out.NetworksDeleted, def.Name)
	}
	d.log(job.Context(), "prune", "", map[string]string{"reclaimed": "0"})
	return job.WriteJSON(out)
}

func decodeNetworksPrune(job *engine.Job) (f filters.Filters, until time.Time, err error) {
	if f, err = filters.Parse(job.Getenv("filters"), "until", "label", "label!"); err == nil {
		until, err = f.Until(time.Now())
	}
	return f, until, err
}
