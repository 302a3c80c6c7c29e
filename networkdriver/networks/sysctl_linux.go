//go:build linux

package networks

import (
	"os"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/netns"
)

// setSysctls gives an interface of a namespace its settings. The kernel shows a
// thread those of the namespace that it is in.
func setSysctls(ns *os.File, device string, list []string) error {
	if len(list) == 0 {
		return nil
	}
	if ns == nil || device == "" {
		return errdefs.InvalidArgument("the interface has no settings: it is in no namespace of its own")
	}
	return netns.Do(ns, func() error {
		for _, text := range list {
			s, err := api.ParseEndpointSysctl(text)
			if err != nil {
				return err
			}
			if err := os.WriteFile("/proc/sys/"+s.Path(device), []byte(s.Value), 0); err != nil {
				return errdefs.InvalidArgument("setting %s of interface %s: %w", text, device, err)
			}
		}
		return nil
	})
}
