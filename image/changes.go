package image

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// Apply changes a configuration by Dockerfile instructions, one each: those of
// import --change and commit --change. The configuration is left half-changed
// when one of them is wrong.
func Apply(cfg *runconfig.Config, instructions []string) error {
	for _, line := range instructions {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		if word == "" {
			continue
		}
		if err := apply(cfg, strings.ToUpper(word), rest); err != nil {
			return errdefs.InvalidArgument("change %q: %w", line, err)
		}
	}
	return nil
}

func apply(cfg *runconfig.Config, word, rest string) error {
	if rest == "" && word != "CMD" && word != "ENTRYPOINT" {
		return fmt.Errorf("%s needs an argument", word)
	}
	switch word {
	case "CMD":
		cfg.Cmd = command(rest)
	case "ENTRYPOINT":
		cfg.Entrypoint = command(rest)
	case "ENV":
		return eachPair(rest, true, func(k, v string) { setEnv(cfg, k, v) })
	case "LABEL":
		return eachPair(rest, true, func(k, v string) {
			if cfg.Labels == nil {
				cfg.Labels = make(map[string]string)
			}
			cfg.Labels[k] = v
		})
	case "EXPOSE":
		return expose(cfg, rest)
	case "VOLUME":
		return volume(cfg, rest)
	case "USER":
		cfg.User = rest
	case "WORKDIR":
		if !path.IsAbs(rest) {
			rest = path.Join("/", cfg.WorkingDir, rest)
		}
		cfg.WorkingDir = path.Clean(rest)
	case "STOPSIGNAL":
		cfg.StopSignal = rest
	case "ONBUILD":
		trigger := strings.ToUpper(strings.Fields(rest)[0])
		if trigger == "ONBUILD" || trigger == "FROM" || trigger == "MAINTAINER" {
			return fmt.Errorf("%s is not allowed as an ONBUILD trigger", trigger)
		}
		cfg.OnBuild = append(cfg.OnBuild, rest)
	default:
		return fmt.Errorf("%s is not a valid change command", word)
	}
	return nil
}

// command reads the JSON form or wraps the shell form.
func command(s string) runconfig.Strings {
	if s == "" {
		return nil
	}
	if list, ok := jsonList(s); ok {
		return list
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

func expose(cfg *runconfig.Config, rest string) error {
	words, err := split(rest)
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

func volume(cfg *runconfig.Config, rest string) error {
	words, ok := jsonList(rest)
	if !ok {
		var err error
		if words, err = split(rest); err != nil {
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

// eachPair reads "k=v k2='v 2'" or, if old, "k the rest".
func eachPair(s string, old bool, add func(k, v string)) error {
	first, rest, _ := strings.Cut(s, " ")
	if old && !strings.Contains(first, "=") {
		if rest = strings.TrimSpace(rest); rest == "" {
			return fmt.Errorf("%s needs a value", first)
		}
		add(first, rest)
		return nil
	}
	words, err := split(s)
	if err != nil {
		return err
	}
	for _, w := range words {
		k, v, ok := strings.Cut(w, "=")
		if !ok || k == "" {
			return fmt.Errorf("%q is not KEY=VALUE", w)
		}
		add(k, v)
	}
	return nil
}

// split parts a line into words; quotes and backslashes protect blanks.
func split(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			word.WriteByte(s[i])
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("the quote %c is not closed", quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
