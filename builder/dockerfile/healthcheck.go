package dockerfile

import (
	"fmt"
	"slices"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/runconfig"
)

// healthcheck keeps what it does not say of the one before it, as the containers
// of dockerd's steps did, which inherited it. The history tells what was said.
func healthcheck(cfg *runconfig.Config, c *instructions.HealthCheckCommand) string {
	h := c.Health
	check := &runconfig.Healthcheck{
		Test: slices.Clone(h.Test), Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod,
		StartInterval: h.StartInterval, Retries: h.Retries,
	}
	if old := cfg.Healthcheck; old != nil {
		for _, f := range []struct{ to, from *time.Duration }{
			{&check.Interval, &old.Interval}, {&check.Timeout, &old.Timeout},
			{&check.StartPeriod, &old.StartPeriod}, {&check.StartInterval, &old.StartInterval},
		} {
			if *f.to == 0 {
				*f.to = *f.from
			}
		}
		if check.Retries == 0 {
			check.Retries = old.Retries
		}
	}
	cfg.Healthcheck = check
	// Docker prints the structure that it has in this way; retries become a rune.
	return fmt.Sprintf("HEALTHCHECK &{%q %q %q %q %q}", h.Test, h.Interval, h.Timeout, h.StartPeriod, rune(h.Retries))
}
