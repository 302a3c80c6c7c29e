package server

import (
	"encoding/json"
	"net/http"

	"github.com/enginejobs/docker/errdefs"
)

// networks tells who is on each network, as it always has, before 1.28.
func networks(x *exchange, row *route) error {
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	if x.v < v1(28) {
		job.SetenvBool("containers", true)
	}
	return x.answerDocument(job, document(row.reply.shapes...))
}

// networkCreate takes the name out of the description.
func networkCreate(x *exchange, row *route) error {
	body, err := x.document()
	if err != nil {
		return err
	}
	var b struct{ Name string }
	if err := decodeJSON(body, &b); err != nil {
		return err
	}
	if b.Name == "" {
		return errdefs.InvalidArgument("network name cannot be empty")
	}
	job := x.job(x.r.Context(), row.job, b.Name)
	job.Setenv("Spec", string(body))
	answer := document()
	answer.code = http.StatusCreated
	return x.direct(job, answer)
}

// networkConnect and networkDisconnect take the container out of the body.
func networkConnect(x *exchange, row *route) error {
	var b struct {
		Container      string
		EndpointConfig json.RawMessage
	}
	args, err := x.networkBody(row, &b)
	if err != nil {
		return err
	}
	job := x.job(x.r.Context(), row.job, args[0], b.Container)
	if len(b.EndpointConfig) > 0 && string(b.EndpointConfig) != "null" {
		job.Setenv("EndpointConfig", string(b.EndpointConfig))
	}
	return x.run(job)
}

func networkDisconnect(x *exchange, row *route) error {
	var b struct {
		Container string
		Force     bool
	}
	args, err := x.networkBody(row, &b)
	if err != nil {
		return err
	}
	if b.Container == "" {
		return errdefs.InvalidArgument("invalid name or ID supplied: %q", b.Container)
	}
	job := x.job(x.r.Context(), row.job, args[0], b.Container)
	job.SetenvBool("force", b.Force)
	return x.run(job)
}

// networkBody reads a body that names a container, and the network in the path.
func (x *exchange) networkBody(row *route, into any) ([]string, error) {
	body, err := x.document()
	if err != nil {
		return nil, err
	}
	if err := decodeJSON(body, into); err != nil {
		return nil, err
	}
	return x.args(row.args)
}

// shapeNetworks and shapeNetwork leave out what versions did not know: who can
// attach (1.25), what ingress and templates are (1.29 and 1.30), IPv4 (1.48).
func shapeNetworks() []shape {
	return []shape{
		trimRows(0, 22, "Internal"),
		trimRows(0, 23, "EnableIPv6", "Labels"),
		trimRows(0, 25, "Attachable", "Created"),
		trimRows(0, 29, "Ingress"),
		trimRows(0, 30, "ConfigFrom", "ConfigOnly"),
		trimRows(0, 48, "EnableIPv4"),
		trimRows(52, 0, "Containers"), // the list is of summaries
	}
}

func shapeNetwork() []shape {
	return []shape{
		before(22, func(m members) { delete(m, "Internal") }),
		before(23, func(m members) { delete(m, "EnableIPv6"); delete(m, "Labels") }),
		before(25, func(m members) { delete(m, "Attachable"); delete(m, "Created") }),
		before(29, func(m members) { delete(m, "Ingress") }),
		before(30, func(m members) { delete(m, "ConfigFrom"); delete(m, "ConfigOnly") }),
		before(48, func(m members) { delete(m, "EnableIPv4") }),
	}
}
