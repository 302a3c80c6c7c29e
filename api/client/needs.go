package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/enginejobs/docker/pkg/mflag"
)

// need is what a command, or some of its flags, ask of a daemon. The versions
// are those that the official client asks for.
type need struct {
	commands string // "run create": any of these, by their first names
	flags    string // "--env --workdir"; "" is the command itself
	since    string // API version
}

// needs is the table of what daemons did not have in 1.21, the API of the first
// that tell a client their version. What is older is sent and left to them.
func needs() []need {
	return []need{
		{"network_create", "--attachable", "1.25"},
		{"network_create", "--config-from --config-only --scope", "1.30"},
		{"build", "--network", "1.25"},
		{"build", "--squash", "1.25"},
		{"build", "--platform", "1.38"},
		{"builder_prune", "", "1.39"},
		{"container_prune image_prune network_prune volume_prune system_df system_prune", "", "1.25"},
		{"system_prune", "--filter", "1.28"},
		{"volume_prune", "--all", "1.42"},
		{"volume_rm", "--force", "1.25"},
		{"exec", "--env --env-file", "1.25"},
		{"exec", "--workdir", "1.35"},
		{"history save load", "--platform", "1.48"},
		{"image_inspect", "--platform", "1.49"},
		{"import pull", "--platform", "1.32"},
		{"push", "--platform", "1.46"},
		{"rmi", "--platform", "1.50"},
		{"logs", "--until", "1.35"},
		{"run create", "--cpu-rt-period --cpu-rt-runtime --cpus --init --stop-timeout", "1.25"},
		{"create", "--rm", "1.25"},
		{"run create", "--health-start-period", "1.29"},
		{"run create", "--platform", "1.32"},
		{"run create", "--gpus", "1.40"},
		{"run create", "--cgroupns", "1.41"},
		{"run create", "--annotation", "1.43"},
		{"run create", "--health-start-interval", "1.44"},
		{"update", "", "1.22"},
		{"update", "--cpu-rt-period --cpu-rt-runtime", "1.25"},
		{"update", "--cpus", "1.29"},
		{"update", "--pids-limit", "1.40"},
	}
}

// firstName is a command's name in the table.
func (c *Command) firstName() string {
	name := c.Name
	if name == "" {
		name = c.Also[0]
	}
	return strings.ReplaceAll(name, " ", "_")
}

// checkVersion refuses what a daemon of an API version does not have. It is
// called when the version turns out to be older than ours, and before anything
// has been asked of the daemon: a flag that it does not know it would ignore.
func checkVersion(cmd *Command, typed string, set *mflag.Set, version string) error {
	first := cmd.firstName()
	var lines []string
	for _, n := range needs() {
		if versionAtLeast(version, n.since) || !slices.Contains(strings.Fields(n.commands), first) {
			continue
		}
		if n.flags == "" {
			return refusal([]string{fmt.Sprintf("docker %s requires API version %s, but the Docker daemon API version is %s", typed, n.since, version)})
		}
		for _, flag := range strings.Fields(n.flags) {
			if set.IsSet(flag) {
				lines = append(lines, fmt.Sprintf("%q requires API version %s, but the Docker daemon API version is %s", flag, n.since, version))
			}
		}
	}
	return refusal(lines)
}

// checkPossible refuses flags that ask for what no daemon of this client has.
func checkPossible(cmd *Command, set *mflag.Set) error {
	var lines []string
	switch cmd.Name {
	case "run", "create":
		for _, flag := range []string{"--cpu-count", "--cpu-percent", "--io-maxbandwidth", "--io-maxiops"} {
			if set.IsSet(flag) {
				lines = append(lines, fmt.Sprintf("%q is only supported on a Docker daemon running on windows, "+
					"but the Docker daemon is running on linux", flag))
			}
		}
	case "start":
		for _, flag := range []string{"--checkpoint", "--checkpoint-dir"} {
			if set.IsSet(flag) {
				lines = append(lines, fmt.Sprintf("%q is only supported on a Docker daemon with experimental features enabled", flag))
			}
		}
	}
	return refusal(lines)
}

// refusedError is a command that was not carried out, whatever it names.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

// ends tells that after an error there is no sense in what comes next.
func ends(err error) bool {
	var refused *refusedError
	return errors.Is(err, context.Canceled) || errors.As(err, &refused)
}

// refusal makes one error of sentences, in the order of their flags.
func refusal(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	return &refusedError{strings.Join(lines, "\n")}
}
