//go:build linux

package bridge

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/networkdriver/firewall"
)

// Link opens or closes the way between two containers. Where containers may
// talk to each other anyway it does nothing. Closing what is not open is fine.
func (n *Network) Link(_ context.Context, req networkdriver.LinkRequest) error {
	if n.set.icc || len(req.Ports) == 0 {
		return nil
	}
	links := make([]firewall.Link, 0, len(req.Ports))
	for _, p := range req.Ports {
		links = append(links, firewall.Link{Bridge: n.set.bridge, Parent: req.Parent, Child: req.Child, Proto: p.Proto, Port: p.Number})
	}
	change := n.drv.firewall.RemoveLinks
	if req.Open {
		change = n.drv.firewall.AddLinks
	}
	if err := change(links); err != nil && !req.IgnoreErrors {
		return fmt.Errorf("changing %d link rule(s): %w", len(links), err)
	}
	return nil
}
