package daemon

import (
	"maps"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// merge completes the user's config with the image's: the user wins.
func merge(user, img *runconfig.Config) {
	if img == nil {
		return
	}
	if user.User == "" {
		user.User = img.User
	}
	if user.WorkingDir == "" {
		user.WorkingDir = img.WorkingDir
	}
	user.ExposedPorts = union(user.ExposedPorts, img.ExposedPorts)
	if user.Volumes = union(user.Volumes, img.Volumes); len(user.Volumes) == 0 {
		user.Volumes = nil // clients that ask for none send {}
	}
	user.Labels = union(user.Labels, img.Labels)
	user.Env = mergeEnv(user.Env, img.Env)
	if len(user.Entrypoint) == 0 {
		if len(user.Cmd) == 0 {
			user.Cmd = img.Cmd
			user.ArgsEscaped = img.ArgsEscaped
		}
		if user.Entrypoint == nil {
			user.Entrypoint = img.Entrypoint
		}
	}
	if len(user.Entrypoint) == 1 && user.Entrypoint[0] == "" {
		user.Entrypoint = nil // [""] takes the image's entrypoint away
	}
	if user.StopSignal == "" {
		user.StopSignal = img.StopSignal
	}
	if user.StopTimeout == nil {
		user.StopTimeout = img.StopTimeout
	}
	if len(user.Shell) == 0 {
		user.Shell = img.Shell
	}
	user.Healthcheck = mergeHealth(user.Healthcheck, img.Healthcheck)
}

// union adds what b has and a has not.
func union[K comparable, V any](a, b map[K]V) map[K]V {
	if len(b) == 0 {
		return a
	}
	out := maps.Clone(b)
	maps.Copy(out, a)
	return out
}

// mergeEnv appends the variables of img that the user does not mention.
func mergeEnv(user, img []string) []string {
	have := make(map[string]bool, len(user))
	for _, e := range user {
		key, _, _ := strings.Cut(e, "=")
		have[key] = true
	}
	out := user
	for _, e := range img {
		if key, _, _ := strings.Cut(e, "="); !have[key] {
			out = append(out, e)
		}
	}
	return out
}

func mergeHealth(user, img *runconfig.Healthcheck) *runconfig.Healthcheck {
	if user == nil || img == nil {
		if user == nil {
			return img
		}
		return user
	}
	out := *user
	if len(out.Test) == 0 {
		out.Test = img.Test
	}
	if out.Interval == 0 {
		out.Interval = img.Interval
	}
	if out.Timeout == 0 {
		out.Timeout = img.Timeout
	}
	if out.StartPeriod == 0 {
		out.StartPeriod = img.StartPeriod
	}
	if out.StartInterval == 0 {
		out.StartInterval = img.StartInterval
	}
	if out.Retries == 0 {
		out.Retries = img.Retries
	}
	return &out
}

// workload splits the merged config into the program and its arguments.
func workload(c *runconfig.Config) (path string, args []string, err error) {
	words := append(append([]string{}, c.Entrypoint...), c.Cmd...)
	if len(words) == 0 || words[0] == "" {
		return "", nil, errdefs.InvalidArgument("No command specified")
	}
	return words[0], words[1:], nil
}
