package logdriver

import (
	"regexp"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// Subject is the container that attributes are taken from.
type Subject struct {
	ID, Name           string // Name without a slash
	ImageID, ImageName string // ImageID with its algorithm: sha256:…
	DaemonName         string
	Command            string
	Labels             map[string]string
	Env                []string // NAME=value
}

// selection is what the options labels, env and their like ask for.
type selection struct {
	labels, env           map[string]bool
	labelsRegex, envRegex *regexp.Regexp
	tag                   string
}

func newSelection(opts map[string]string) (*selection, error) {
	s := &selection{labels: names(opts["labels"]), env: names(opts["env"]), tag: opts["tag"]}
	var err error
	if text := opts["labels-regex"]; text != "" {
		if s.labelsRegex, err = regexp.Compile(text); err != nil {
			return nil, errdefs.InvalidArgument("log opt labels-regex: %w", err)
		}
	}
	if text := opts["env-regex"]; text != "" {
		if s.envRegex, err = regexp.Compile(text); err != nil {
			return nil, errdefs.InvalidArgument("log opt env-regex: %w", err)
		}
	}
	_, err = expandTag(s.tag, &Subject{})
	return s, err
}

func names(list string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			set[name] = true
		}
	}
	return set
}

// Attributes gives what the options choose of a container's labels and
// environment, and its tag. nil: nothing.
func Attributes(opts map[string]string, c *Subject) (map[string]string, error) {
	s, err := newSelection(opts)
	if err != nil {
		return nil, err
	}
	attrs := map[string]string{}
	for name, value := range c.Labels {
		if s.labels[name] || s.labelsRegex != nil && s.labelsRegex.MatchString(name) {
			attrs[name] = value
		}
	}
	for _, pair := range c.Env {
		name, value, _ := strings.Cut(pair, "=")
		if s.env[name] || s.envRegex != nil && s.envRegex.MatchString(name) {
			attrs[name] = value
		}
	}
	tag, err := expandTag(s.tag, c)
	if err != nil {
		return nil, err
	}
	if tag != "" {
		attrs["tag"] = tag
	}
	if len(attrs) == 0 {
		return nil, nil
	}
	return attrs, nil
}

// expandTag replaces the fields of a tag: "{{.ImageName}}/{{.ID}}". It is no full
// template language; what else stands in braces is refused.
func expandTag(tag string, c *Subject) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(tag, "{{")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		field, rest, closed := strings.Cut(rest, "}}")
		value, known := c.field(strings.TrimSpace(field))
		if !closed || !known {
			return "", errdefs.InvalidArgument("log opt tag: unknown field {{%s}}: use .ID, .FullID, .Name, .ImageID, "+
				".ImageFullID, .ImageName, .Command or .DaemonName", field)
		}
		out.WriteString(value)
		tag = rest
	}
}

func (c *Subject) field(name string) (string, bool) {
	switch name {
	case ".ID":
		return c.ID[:min(12, len(c.ID))], true
	case ".FullID":
		return c.ID, true
	case ".Name":
		return c.Name, true
	case ".ImageID":
		bare := strings.TrimPrefix(c.ImageID, "sha256:")
		return bare[:min(12, len(bare))], true
	case ".ImageFullID":
		return c.ImageID, true
	case ".ImageName":
		return c.ImageName, true
	case ".Command":
		return c.Command, true
	case ".DaemonName":
		return c.DaemonName, true
	}
	return "", false
}
