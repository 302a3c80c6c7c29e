package netjobs

import (
	"context"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// networkCreate describes network_create.
//
// Usage: network_create NAME
// Env: Spec: an api.NetworkCreateRequest.
// Stdout: one api.NetworkCreated.
// Errors: InvalidArgument, Forbidden (a name or driver of a predefined one),
// Conflict (the name is taken), NotFound (the driver), Unavailable (no subnet).
// Events: create.
func (d *doors) networkCreate() engine.Declaration {
	return engine.Declaration{
		Name:    "network_create",
		Summary: "Make a network.",
		Args:    []engine.Arg{{Name: "NAME", Summary: "of the network"}},
		Env:     []engine.Key{{Name: "Spec", Type: engine.JSON, Summary: "an api.NetworkCreateRequest; its name is not looked at"}},
		Stdout:  engine.JSONDocument,
		Changes: true,
		Handler: d.jobNetworkCreate,
	}
}

func (d *doors) jobNetworkCreate(job *engine.Job) error {
	def, err := decodeNetworkCreate(job)
	if err != nil {
		return err
	}
	warning := d.networks.Overlap(def)
	def, err = d.networks.Create(job.Context(), def)
	if err != nil {
		return err
	}
	d.event(job.Context(), "create", def)
	return job.WriteJSON(api.NetworkCreated{Id: def.ID, Warning: warning})
}

func decodeNetworkCreate(job *engine.Job) (def networkdriver.Definition, err error) {
	var req api.NetworkCreateRequest
	if err := job.GetenvJson("Spec", &req); err != nil {
		return def, err
	}
	switch req.Scope {
	case "", "local":
	default:
		return def, errdefs.InvalidArgument("network %s: scope %q needs a swarm: use local", job.Args[0], req.Scope)
	}
	def = networkdriver.Definition{
		Name: job.Args[0], Driver: req.Driver, EnableIPv4: req.EnableIPv4 == nil || *req.EnableIPv4,
		EnableIPv6: req.EnableIPv6 != nil && *req.EnableIPv6, Internal: req.Internal, Attachable: req.Attachable,
		Ingress: req.Ingress, ConfigOnly: req.ConfigOnly, Options: req.Options, Labels: req.Labels,
	}
	if req.ConfigFrom != nil {
		def.ConfigFrom = req.ConfigFrom.Network
	}
	if req.IPAM != nil {
		def.IPAM.Driver, def.IPAM.Options = req.IPAM.Driver, req.IPAM.Options
		for _, c := range req.IPAM.Config {
			def.IPAM.Config = append(def.IPAM.Config, networkdriver.Pool{
				Subnet: c.Subnet, IPRange: c.IPRange, Gateway: c.Gateway, AuxAddress: c.AuxiliaryAddresses,
			})
		}
	}
	return def, nil
}

// event tells of a network. Nobody waits for it who has left.
func (d *doors) event(ctx context.Context, action string, def networkdriver.Definition) {
	d.log(ctx, action, def.ID, map[string]string{"name": def.Name, "type": def.Driver})
}

// log tells the journal.
func (d *doors) log(ctx context.Context, action, id string, attributes map[string]string) {
	job := d.eng.Job("log", action, id).SetContext(context.WithoutCancel(ctx))
	job.Setenv("type", "network")
	if job.SetenvJson("attributes", attributes) == nil {
		_ = job.Run() // an engine without a journal works as well
	}
}
