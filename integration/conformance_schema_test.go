package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// description is one published version of the API, as far as answers go.
type description struct {
	Paths       map[string]map[string]operation `yaml:"paths"`
	Definitions map[string]*schema              `yaml:"definitions"`
	Responses   map[string]response             `yaml:"responses"`
}

type operation struct {
	Parameters []parameter         `yaml:"parameters"`
	Responses  map[string]response `yaml:"responses"`
}

type parameter struct {
	Name     string  `yaml:"name"`
	In       string  `yaml:"in"`
	Type     string  `yaml:"type"`
	Enum     []any   `yaml:"enum"`
	Required bool    `yaml:"required"`
	Schema   *schema `yaml:"schema"` // of a body
}

type response struct {
	Ref    string  `yaml:"$ref"`
	Schema *schema `yaml:"schema"`
}

type schema struct {
	Ref        string             `yaml:"$ref"`
	Type       kinds              `yaml:"type"`
	Nullable   bool               `yaml:"x-nullable"`
	Enum       []any              `yaml:"enum"`
	Required   []string           `yaml:"required"`
	Properties map[string]*schema `yaml:"properties"`
	Additional yaml.Node          `yaml:"additionalProperties"`
	Items      *schema            `yaml:"items"`
	AllOf      []*schema          `yaml:"allOf"`
}

// kinds are the JSON types of a schema: one, or a list, as in ["string", "null"].
type kinds []string

func (k *kinds) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.SequenceNode {
		return node.Decode((*[]string)(k))
	}
	*k = kinds{node.Value}
	return nil
}

func (k kinds) has(kind string) bool { return slices.Contains(k, kind) }

func readDescription(t *testing.T, path string) *description {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := new(description)
	if err := yaml.Unmarshal(data, d); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return d
}

// answer is the schema of a status, and whether the operation lists the status.
func (d *description) answer(op operation, status int) (*schema, bool) {
	r, ok := op.Responses[fmt.Sprint(status)]
	if !ok {
		if r, ok = op.Responses["default"]; !ok {
			return nil, false
		}
	}
	if r.Ref != "" {
		r = d.Responses[strings.TrimPrefix(r.Ref, "#/responses/")]
	}
	return r.Schema, true
}

// check validates a decoded JSON value and returns what is wrong with it: one
// line a fault, with the path of the member. Members that the schema does not
// know are faults as well, in schemas that list members.
func (d *description) check(s *schema, v any, at string) []string {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		return d.check(d.Definitions[strings.TrimPrefix(s.Ref, "#/definitions/")], v, at)
	}
	properties, required := d.members(s)
	if v == nil {
		// Empty maps and lists of the official engine are null in every version,
		// though no description says so: only what is one value is held to it.
		scalar := s.Type.has("string") || s.Type.has("boolean") || s.Type.has("integer") || s.Type.has("number")
		if scalar && !s.Nullable && !s.Type.has("null") {
			return []string{at + ": null"}
		}
		return nil
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(e any) bool { return fmt.Sprint(e) == fmt.Sprint(v) }) {
		return []string{fmt.Sprintf("%s: %v is none of %v", at, v, s.Enum)}
	}
	wrong := func(want string) []string { return []string{fmt.Sprintf("%s: %T, want %s", at, v, want)} }
	switch {
	case s.Type.has("object") || len(properties) > 0:
		object, ok := v.(map[string]any)
		if !ok {
			return wrong("object")
		}
		return d.checkObject(s, object, properties, required, at)
	case s.Type.has("array"):
		list, ok := v.([]any)
		if !ok {
			return wrong("array")
		}
		var faults []string
		for _, e := range list {
			faults = append(faults, d.check(s.Items, e, at+"[]")...)
		}
		return faults
	case s.Type.has("string"):
		if _, ok := v.(string); !ok {
			return wrong("string")
		}
	case s.Type.has("boolean"):
		if _, ok := v.(bool); !ok {
			return wrong("boolean")
		}
	case s.Type.has("integer") || s.Type.has("number"):
		n, ok := v.(json.Number)
		if !ok || s.Type.has("integer") && strings.ContainsAny(n.String(), ".eE") {
			return wrong(strings.Join(s.Type, " or "))
		}
	}
	return nil
}

func (d *description) checkObject(s *schema, object map[string]any, properties map[string]*schema, required []string, at string) []string {
	var faults []string
	for _, name := range required {
		if _, ok := object[name]; !ok {
			faults = append(faults, fmt.Sprintf("%s.%s: required, absent", at, name))
		}
	}
	var additional *schema
	if s.Additional.Kind == yaml.MappingNode {
		additional = new(schema)
		if err := s.Additional.Decode(additional); err != nil {
			return append(faults, fmt.Sprintf("%s: additionalProperties: %v", at, err))
		}
	}
	for name, v := range object {
		switch p, known := properties[name]; {
		case known:
			faults = append(faults, d.check(p, v, at+"."+name)...)
		case additional != nil:
			faults = append(faults, d.check(additional, v, at+".*")...)
		case len(properties) > 0 && s.Additional.Kind == 0:
			faults = append(faults, fmt.Sprintf("%s.%s: unknown", at, name))
		}
	}
	return faults
}

// members are the properties and required names of an object, with those of
// the schemas that it is made of.
func (d *description) members(s *schema) (map[string]*schema, []string) {
	if s.Ref != "" {
		return d.members(d.Definitions[strings.TrimPrefix(s.Ref, "#/definitions/")])
	}
	if len(s.AllOf) == 0 {
		return s.Properties, s.Required
	}
	all, required := map[string]*schema{}, slices.Clone(s.Required)
	for _, part := range append([]*schema{{Properties: s.Properties}}, s.AllOf...) {
		properties, more := d.members(part)
		for name, p := range properties {
			all[name] = p
		}
		required = append(required, more...)
	}
	return all, required
}
