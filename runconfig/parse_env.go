package runconfig

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

func (f *Flags) parseEnv(c *Config, _ *HostConfig, env Lookup) (err error) {
	c.Env, err = Environment(f.envFile, f.env, env)
	return err
}

// Environment puts together what --env-file and --env say: the files first. A
// name without a value takes that of env; where it has none, the name alone is
// kept, which takes a variable away.
func Environment(files, list []string, env Lookup) ([]string, error) {
	var out []string
	for _, name := range files {
		lines, err := readFileWith(name, func(r io.Reader) ([]string, error) { return ReadEnvFile(r, env) })
		if err != nil {
			return nil, err
		}
		out = append(out, lines...)
	}
	for _, text := range list {
		if !strings.Contains(text, "=") {
			if value, ok := env(text); ok {
				text += "=" + value
			}
		}
		out = append(out, text)
	}
	return out, nil
}

func (f *Flags) parseLabels() (map[string]string, error) {
	labels := make(map[string]string)
	add := func(text string) error {
		key, value, _ := strings.Cut(text, "=")
		if key == "" {
			return fmt.Errorf("invalid label %q: the key is empty", text)
		}
		labels[key] = value
		return nil
	}
	for _, name := range f.labelFile {
		none := func(string) (string, bool) { return "", false }
		lines, err := readFileWith(name, func(r io.Reader) ([]string, error) { return ReadEnvFile(r, none) })
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			if err := add(line); err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
		}
	}
	for _, text := range f.labels {
		if err := add(text); err != nil {
			return nil, err
		}
	}
	if len(labels) == 0 {
		return nil, nil
	}
	return labels, nil
}

func readFileWith(name string, read func(io.Reader) ([]string, error)) ([]string, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return read(file)
}

// ReadEnvFile reads K=V lines. Empty lines and lines that begin with # are
// skipped; a bare K takes its value from env, or is empty.
func ReadEnvFile(r io.Reader, env Lookup) ([]string, error) {
	var list []string
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for first := true; scan.Scan(); first = false {
		line := scan.Text()
		if first {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if !utf8.ValidString(line) {
			return nil, errors.New("poorly formatted environment: a line is not valid UTF-8")
		}
		key, value, hasValue := strings.Cut(line, "=")
		key = strings.TrimLeft(key, " \t")
		if !hasValue {
			key = strings.TrimSpace(key)
			if key == "" {
				continue
			}
			value, _ = env(key)
		}
		if strings.ContainsAny(key, " \t") {
			return nil, fmt.Errorf("poorly formatted environment: variable '%s' has white spaces", key)
		}
		if key == "" {
			return nil, fmt.Errorf("poorly formatted environment: no variable name on line '%s'", line)
		}
		list = append(list, key+"="+value)
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("reading environment file: %w", err)
	}
	return list, nil
}
