package netjobs

import (
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
	netlist "github.com/enginejobs/docker/networkdriver/networks"
	"github.com/enginejobs/docker/pkg/filters"
)

// networksDeclaration describes networks.
//
// Usage: networks
// Env: filters: dangling, driver, id, label, name, scope, type (custom,
// builtin). containers: tell who is on them, too.
// Stdout: a JSON list of api.Network, by name.
// Errors: InvalidArgument (filters).
func (d *doors) networksDeclaration() engine.Declaration {
	return engine.Declaration{
		Name:    "networks",
		Summary: "List networks.",
		Env: []engine.Key{
			{Name: "containers", Type: engine.Bool, Summary: "tell who is on them"},
			{Name: "filters", Type: engine.JSON, Summary: "name of a filter to its values"},
		},
		Stdout:  engine.JSONDocument,
		Handler: d.jobNetworks,
	}
}

func (d *doors) jobNetworks(job *engine.Job) error {
	f, containers, err := decodeNetworks(job)
	if err != nil {
		return err
	}
	match, err := d.matcher(f)
	if err != nil {
		return err
	}
	var rows []api.ContainerSummary
	if containers {
		if rows, err = d.containers(job.Context()); err != nil {
			return err
		}
	}
	list := []api.Network{}
	for _, def := range d.networks.List() {
		if !match(def) {
			continue
		}
		n := network(def)
		n.Containers = on(def, rows)
		list = append(list, n)
	}
	return job.WriteJSON(list)
}

func decodeNetworks(job *engine.Job) (f filters.Filters, containers bool, err error) {
	f, err = filters.Parse(job.Getenv("filters"), "dangling", "driver", "id", "label", "name", "scope", "type")
	return f, job.GetenvBool("containers"), err
}

// matcher makes one test of all filters. The values of one are alternatives,
// but for labels.
func (d *doors) matcher(f filters.Filters) (func(networkdriver.Definition) bool, error) {
	for _, kind := range f["type"] {
		if kind != "custom" && kind != "builtin" {
			return nil, errdefs.InvalidArgument("invalid filter: 'type'='%s': use custom or builtin", kind)
		}
	}
	dangling, err := f.Bool("dangling", false)
	if err != nil {
		return nil, err
	}
	either := func(name string, test func(value string) bool) bool {
		values, asked := f[name]
		return !asked || slices.ContainsFunc(values, test)
	}
	return func(def networkdriver.Definition) bool {
		kind := "custom"
		if netlist.Predefined(def.Name) {
			kind = "builtin"
		}
		return either("driver", func(v string) bool { return v == def.Driver }) &&
			either("id", func(v string) bool { return strings.HasPrefix(def.ID, v) }) &&
			either("name", func(v string) bool { return strings.Contains(def.Name, v) }) &&
			either("scope", func(v string) bool { return v == "local" }) &&
			either("type", func(v string) bool { return v == kind }) &&
			(len(f["dangling"]) == 0 || dangling == (kind == "custom" && d.networks.Used(def.ID) == 0)) &&
			f.Labels(def.Labels)
	}, nil
}
