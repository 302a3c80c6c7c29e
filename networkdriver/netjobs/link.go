package netjobs

import (
	"net/netip"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver"
)

// link describes link.
//
// Usage: link -A|-I|-D
// Env: ParentIP, ChildIP, Ports, IgnoreErrors; see below.
// Stdout: nothing.
// Errors: InvalidArgument for another action and malformed values. Where
// containers may talk to each other anyway there is nothing to open or close.
func (d *doors) link() engine.Declaration {
	return engine.Declaration{
		Name:    "link",
		Summary: "Open or close the way from one container to ports of another.",
		Args:    []engine.Arg{{Name: "ACTION", Summary: "-A or -I to open, -D to close"}},
		Env: []engine.Key{
			{Name: "ParentIP", Type: engine.String, Summary: "address of the container that connects"},
			{Name: "ChildIP", Type: engine.String, Summary: "address of the container that listens"},
			{Name: "Ports", Type: engine.List, Summary: "ports of the child, 80/tcp"},
			{Name: "IgnoreErrors", Type: engine.Bool, Default: "0", Summary: "go on when the rules cannot be changed"},
		},
		Changes: true,
		Handler: d.jobLink,
	}
}

func (d *doors) jobLink(job *engine.Job) error {
	req, err := decodeLink(job)
	if err != nil {
		return err
	}
	return d.networks.Link(job.Context(), req)
}

func decodeLink(job *engine.Job) (req networkdriver.LinkRequest, err error) {
	switch action := job.Args[0]; action {
	case "-A", "-I":
		req.Open = true
	case "-D":
	default:
		return req, errdefs.InvalidArgument("Invalid action '%s' specified", action)
	}
	if req.Parent, err = netip.ParseAddr(job.Getenv("ParentIP")); err != nil || !req.Parent.Is4() {
		return req, errdefs.InvalidArgument("parent IP '%s' is invalid", job.Getenv("ParentIP"))
	}
	if req.Child, err = netip.ParseAddr(job.Getenv("ChildIP")); err != nil || !req.Child.Is4() {
		return req, errdefs.InvalidArgument("child IP '%s' is invalid", job.Getenv("ChildIP"))
	}
	for _, text := range job.GetenvList("Ports") {
		port, err := networkdriver.ParsePort(text)
		if err != nil {
			return req, err
		}
		req.Ports = append(req.Ports, port)
	}
	req.IgnoreErrors = job.GetenvBool("IgnoreErrors")
	return req, nil
}
