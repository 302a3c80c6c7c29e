//go:build linux

package bridge

import (
	"context"

	"github.com/enginejobs/docker/networkdriver"
)

// Link opens or closes the way between two containers. Where containers may
// talk to each other anyway it does nothing. Closing what is not open is fine.
func (d *Driver) Link(_ context.Context, req networkdriver.LinkRequest) error {
	links := make([]link, 0, len(req.Ports))
	for _, p := range req.Ports {
		links = append(links, link{req.Parent, req.Child, p})
	}
	err := d.firewall.changeLinks(req.Open, links)
	if req.IgnoreErrors {
		return nil
	}
	return err
}
