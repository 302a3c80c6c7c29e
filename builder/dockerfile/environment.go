package dockerfile

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// maxPairs is how many bytes the variables, or the labels, of an image may have.
// No program could be given more variables (MAX_ARG_STRLEN, execve(2)).
const maxPairs = 4 << 20

func env(cfg *runconfig.Config, c *instructions.EnvCommand) (string, error) {
	next := slices.Clone(cfg.Env)
	var text strings.Builder
	text.WriteString("ENV")
	for _, e := range c.Env {
		pair := e.Key + "=" + e.Value
		text.WriteString(" " + pair)
		i := slices.IndexFunc(next, func(have string) bool { return names(have, e.Key) })
		if i < 0 {
			next = append(next, pair)
			continue
		}
		next[i] = pair
	}
	total := 0
	for _, pair := range next {
		total += len(pair)
	}
	if total > maxPairs {
		return "", errdefs.InvalidArgument("ENV: the variables have %d bytes, more than the %d that a program can be given", total, maxPairs)
	}
	cfg.Env = next
	return text.String(), nil
}

// names tells whether K=V is of a name.
func names(pair, name string) bool {
	k, _, _ := strings.Cut(pair, "=")
	return k == name
}

// has tells whether an environment sets a name.
func has(env []string, name string) bool {
	return slices.ContainsFunc(env, func(pair string) bool { return names(pair, name) })
}

func label(cfg *runconfig.Config, c *instructions.LabelCommand) (string, error) {
	labels := make(map[string]string, len(cfg.Labels)+len(c.Labels))
	for k, v := range cfg.Labels {
		labels[k] = v
	}
	var text strings.Builder
	text.WriteString("LABEL")
	for _, l := range c.Labels {
		labels[l.Key] = l.Value
		text.WriteString(" " + l.Key + "=" + l.Value)
	}
	total := 0
	for k, v := range labels {
		total += len(k) + len(v)
	}
	if total > maxPairs {
		return "", errdefs.InvalidArgument("LABEL: the labels have %d bytes, more than the %d of an image", total, maxPairs)
	}
	cfg.Labels = labels
	return text.String(), nil
}
