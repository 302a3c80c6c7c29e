package image

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/runconfig"
)

// healthcheck reads "[OPTION...] CMD command" or "NONE".
func healthcheck(cfg *runconfig.Config, rest string) error {
	h := &runconfig.Healthcheck{}
	var options bool
	for strings.HasPrefix(rest, "--") {
		option, more, _ := strings.Cut(rest, " ")
		name, value, _ := strings.Cut(strings.TrimPrefix(option, "--"), "=")
		if err := healthOption(h, name, value); err != nil {
			return err
		}
		rest, options = strings.TrimSpace(more), true
	}
	kind, command, _ := strings.Cut(rest, " ")
	command = strings.TrimSpace(command)
	switch strings.ToUpper(kind) {
	case "NONE":
		if command != "" || options {
			return errors.New("HEALTHCHECK NONE takes no arguments")
		}
		h.Test = []string{"NONE"}
	case "CMD":
		if command == "" {
			return errors.New("Missing command after HEALTHCHECK CMD") //nolint:staticcheck // classic text
		}
		if list, ok := jsonList(command); ok {
			h.Test = append([]string{"CMD"}, list...)
		} else {
			h.Test = []string{"CMD-SHELL", command}
		}
	default:
		return fmt.Errorf("Unknown type %q in HEALTHCHECK (try CMD)", kind) //nolint:staticcheck // classic text
	}
	cfg.Healthcheck = h
	return nil
}

func healthOption(h *runconfig.Healthcheck, name, value string) error {
	if name == "retries" {
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < 0 {
			return fmt.Errorf("--retries must be a number of at least 0, not %q", value)
		}
		h.Retries = int(n)
		return nil
	}
	into := map[string]*time.Duration{
		"interval": &h.Interval, "timeout": &h.Timeout, "start-period": &h.StartPeriod, "start-interval": &h.StartInterval,
	}[name]
	if into == nil {
		return fmt.Errorf("unknown flag: %s", name)
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return fmt.Errorf("--%s: %w", name, err)
	}
	if d < 0 || d > 0 && d < time.Millisecond {
		return fmt.Errorf("Interval %q cannot be less than %v", name, time.Millisecond) //nolint:staticcheck // classic text
	}
	*into = d
	return nil
}
