package image

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// Apply changes a configuration by Dockerfile instructions, one each: those of
// import --change and commit --change. The configuration is left half-changed
// when one of them is wrong.
//
// Variables of the environment are replaced as in a Dockerfile: everywhere but in
// CMD, ENTRYPOINT, HEALTHCHECK, ONBUILD and SHELL. A new ENTRYPOINT takes the CMD
// away that is not of these instructions.
func Apply(cfg *runconfig.Config, instructions []string) error {
	hasCmd := false
	for _, line := range instructions {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		if word == "" {
			continue
		}
		word = strings.ToUpper(word)
		if err := apply(cfg, word, rest); err != nil {
			return errdefs.InvalidArgument("change %q: %w", line, err)
		}
		hasCmd = hasCmd || word == "CMD"
		if word == "ENTRYPOINT" && !hasCmd {
			cfg.Cmd = nil
		}
	}
	return nil
}

func apply(cfg *runconfig.Config, word, rest string) error {
	if rest == "" && word != "CMD" && word != "ENTRYPOINT" {
		return fmt.Errorf("%s needs an argument", word)
	}
	env := lookup(cfg.Env)
	switch word {
	case "CMD":
		cfg.Cmd = command(cfg, rest)
	case "ENTRYPOINT":
		cfg.Entrypoint = command(cfg, rest)
	case "SHELL":
		list, ok := jsonList(rest)
		if !ok || len(list) == 0 {
			return fmt.Errorf("SHELL requires the arguments to be in JSON form")
		}
		cfg.Shell = list
	case "HEALTHCHECK":
		return healthcheck(cfg, rest)
	case "ENV":
		return eachPair(rest, env, func(k, v string) { setEnv(cfg, k, v) })
	case "LABEL":
		return eachPair(rest, env, func(k, v string) {
			if cfg.Labels == nil {
				cfg.Labels = make(map[string]string)
			}
			cfg.Labels[k] = v
		})
	case "EXPOSE":
		return expose(cfg, rest, env)
	case "VOLUME":
		return volume(cfg, rest, env)
	case "USER", "WORKDIR", "STOPSIGNAL":
		value, err := expand(rest, env)
		if err != nil {
			return err
		}
		setOne(cfg, word, value)
	case "ONBUILD":
		trigger := strings.ToUpper(strings.Fields(rest)[0])
		if trigger == "ONBUILD" || trigger == "FROM" || trigger == "MAINTAINER" {
			return fmt.Errorf("%s is not allowed as an ONBUILD trigger", trigger)
		}
		cfg.OnBuild = append(slices.Clip(cfg.OnBuild), rest)
	default:
		return fmt.Errorf("%s is not a valid change command", word)
	}
	return nil
}

// setOne sets what has a single value.
func setOne(cfg *runconfig.Config, word, value string) {
	switch word {
	case "USER":
		cfg.User = value
	case "STOPSIGNAL":
		cfg.StopSignal = value
	case "WORKDIR":
		if !path.IsAbs(value) {
			value = path.Join("/", cfg.WorkingDir, value)
		}
		cfg.WorkingDir = path.Clean(value)
	}
}

// command reads the JSON form or wraps the shell form.
func command(cfg *runconfig.Config, s string) runconfig.Strings {
	if s == "" {
		return nil
	}
	if list, ok := jsonList(s); ok {
		return list
	}
	if len(cfg.Shell) > 0 {
		return append(slices.Clip(cfg.Shell), s)
	}
	return runconfig.Strings{"/bin/sh", "-c", s}
}

func jsonList(s string) ([]string, bool) {
	if !strings.HasPrefix(s, "[") {
		return nil, false
	}
	var list []string
	err := json.Unmarshal([]byte(s), &list)
	return list, err == nil
}

func setEnv(cfg *runconfig.Config, key, value string) {
	for i, e := range cfg.Env {
		if k, _, _ := strings.Cut(e, "="); k == key {
			cfg.Env[i] = key + "=" + value
			return
		}
	}
	cfg.Env = append(cfg.Env, key+"="+value)
}

func expose(cfg *runconfig.Config, rest string, env lookup) error {
	words, err := split(rest, env)
	if err != nil {
		return err
	}
	for _, w := range words {
		from, to, proto, err := portRange(w)
		if err != nil {
			return err
		}
		if cfg.ExposedPorts == nil {
			cfg.ExposedPorts = make(map[runconfig.Port]struct{})
		}
		for p := from; p <= to; p++ {
			cfg.ExposedPorts[runconfig.Port(fmt.Sprintf("%d/%s", p, proto))] = struct{}{}
		}
	}
	return nil
}

// portRange reads "80", "80/udp", "80-90/tcp".
func portRange(s string) (from, to int, proto string, err error) {
	ports, proto, has := strings.Cut(s, "/")
	if !has {
		proto = "tcp"
	}
	proto = strings.ToLower(proto)
	if proto != "tcp" && proto != "udp" && proto != "sctp" {
		return 0, 0, "", fmt.Errorf("invalid protocol in port %q", s)
	}
	low, high, isRange := strings.Cut(ports, "-")
	if !isRange {
		high = low
	}
	if from, err = port(low); err == nil {
		to, err = port(high)
	}
	if err != nil || from > to {
		return 0, 0, "", fmt.Errorf("invalid port %q", s)
	}
	return from, to, proto, nil
}

func port(s string) (int, error) {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > 65535 {
			return 0, fmt.Errorf("not a port number: %q", s)
		}
		n = n*10 + int(c-'0')
	}
	if s == "" || n < 1 || n > 65535 {
		return 0, fmt.Errorf("not a port number: %q", s)
	}
	return n, nil
}

func volume(cfg *runconfig.Config, rest string, env lookup) error {
	words, ok := jsonList(rest)
	if !ok {
		var err error
		if words, err = split(rest, env); err != nil {
			return err
		}
	}
	for _, w := range words {
		if w = strings.TrimSpace(w); w == "" {
			return fmt.Errorf("VOLUME specified can not be an empty string")
		}
		if cfg.Volumes == nil {
			cfg.Volumes = make(map[string]struct{})
		}
		cfg.Volumes[w] = struct{}{}
	}
	return nil
}
