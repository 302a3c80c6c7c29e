package daemon

import (
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// What a check has where its Healthcheck says nothing (moby's defaults, which
// images rely on).
const (
	defaultCheckInterval = 30 * time.Second
	defaultCheckTimeout  = 30 * time.Second
	defaultStartInterval = 5 * time.Second
	defaultCheckRetries  = 3
	keptResults          = 5    // of the last checks, shown by inspect
	maxCheckOutput       = 4096 // bytes kept of what a check says
	minCheckTime         = time.Millisecond
)

// The words of the API.
const (
	healthNone     = "none"
	healthStarting = "starting"
	healthGood     = "healthy"
	healthBad      = "unhealthy"
)

// checkHealth judges a Healthcheck.
func checkHealth(c *runconfig.Config, _ *runconfig.HostConfig) error {
	h := c.Healthcheck
	if h == nil {
		return nil
	}
	for _, t := range []struct {
		name string
		d    time.Duration
	}{{"Interval", h.Interval}, {"Timeout", h.Timeout}, {"StartPeriod", h.StartPeriod}, {"StartInterval", h.StartInterval}} {
		if t.d != 0 && t.d < minCheckTime {
			return errdefs.InvalidArgument("%s in Healthcheck cannot be less than 1ms", t.name)
		}
	}
	if h.Retries < 0 {
		return errdefs.InvalidArgument("Retries in Healthcheck cannot be negative")
	}
	if len(h.Test) > 0 && !slices.Contains([]string{"NONE", "CMD", "CMD-SHELL"}, h.Test[0]) {
		return errdefs.InvalidArgument("invalid test %q in Healthcheck: its first word is NONE, CMD or CMD-SHELL", h.Test[0])
	}
	return nil
}

// probe is what a check runs; nil when the container has none.
func probe(c *runconfig.Config) []string {
	h := c.Healthcheck
	if h == nil || len(h.Test) < 2 {
		return nil
	}
	switch h.Test[0] {
	case "CMD":
		return h.Test[1:]
	case "CMD-SHELL":
		shell := []string(c.Shell)
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		return append(slices.Clone(shell), strings.Join(h.Test[1:], " "))
	}
	return nil
}

// health is what the checks of a run have found so far; nil for a container
// without. It never changes.
type health struct {
	status string
	streak int // failures in a row
	log    []api.HealthcheckResult
}

// after is the health after one more result, at a time since the start of the run.
func (h *health) after(check *runconfig.Healthcheck, r api.HealthcheckResult, since time.Duration) *health {
	next := &health{status: h.status, streak: h.streak}
	next.log = append(slices.Clone(h.log[max(0, len(h.log)-keptResults+1):]), r)
	if r.ExitCode == 0 {
		next.status, next.streak = healthGood, 0
		return next
	}
	if h.status == healthStarting && since < check.StartPeriod {
		return next
	}
	next.streak++
	if next.streak >= or(check.Retries, defaultCheckRetries) {
		next.status = healthBad
	}
	return next
}

// wait is the time until the next check.
func (h *health) wait(check *runconfig.Healthcheck, since time.Duration) time.Duration {
	if h.status == healthStarting && since < check.StartPeriod {
		return or(check.StartInterval, defaultStartInterval)
	}
	return or(check.Interval, defaultCheckInterval)
}

// or gives a where it is set.
func or[T int | time.Duration](a, b T) T {
	if a != 0 {
		return a
	}
	return b
}

// word is the API's name of the health of a container.
func (h *health) word() string {
	if h == nil {
		return healthNone
	}
	return h.status
}

// shown is the form of inspect, nil for a container without checks.
func (h *health) shown() *api.Health {
	if h == nil {
		return nil
	}
	return &api.Health{Status: h.status, FailingStreak: h.streak, Log: append([]api.HealthcheckResult{}, h.log...)}
}

// stored is the health that shown has written.
func stored(h *api.Health) *health {
	if h == nil {
		return nil
	}
	return &health{status: h.Status, streak: h.FailingStreak, log: h.Log}
}

// ended is the health of a container whose run is over: nobody looks after it.
func (h *health) ended() *health {
	if h == nil {
		return nil
	}
	return &health{status: healthBad, streak: h.streak, log: h.log}
}

// suffix is what the status of a running container ends with.
func (h *health) suffix() string {
	switch h.word() {
	case healthNone:
		return ""
	case healthStarting:
		return " (health: starting)"
	}
	return " (" + h.status + ")"
}
