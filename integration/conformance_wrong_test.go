package integration

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// wrongQueries are queries in which one parameter is missing that must be there,
// or has a value that its type cannot have.
func (c *conformance) wrongQueries(op operation, right url.Values) []url.Values {
	var all []url.Values
	for _, p := range op.Parameters {
		if p.In != "query" {
			continue
		}
		if p.Required {
			missing := maps.Clone(right)
			missing.Del(p.Name)
			all = append(all, missing)
		}
		if p.Name == "filters" || p.Type == "integer" || len(p.Enum) > 0 {
			wrong := maps.Clone(right)
			wrong.Set(p.Name, "nonsense")
			all = append(all, wrong)
		}
	}
	return all
}

// wrongBodies are bodies in which one member, or one of the HostConfig, has a type
// that is not its own.
func (c *conformance) wrongBodies(op operation) []string {
	var all []string
	for _, p := range op.Parameters {
		if p.In != "body" || p.Schema == nil {
			continue
		}
		properties, _ := c.api.members(p.Schema)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if wrong := c.wrongValue(properties[name]); wrong != nil {
				all = append(all, marshal(map[string]any{name: wrong}))
			}
			if name != "HostConfig" {
				continue
			}
			inner, _ := c.api.members(properties[name])
			for _, member := range slices.Sorted(maps.Keys(inner)) {
				if wrong := c.wrongValue(inner[member]); wrong != nil {
					all = append(all, marshal(map[string]any{"Image": "busybox", "Cmd": []string{"true"}, name: map[string]any{member: wrong}}))
				}
			}
		}
	}
	return all
}

// wrongValue is one of a type that a schema does not have, nil where it takes all.
func (c *conformance) wrongValue(s *schema) any {
	for s.Ref != "" {
		s = c.api.Definitions[s.Ref[len("#/definitions/"):]]
	}
	properties, _ := c.api.members(s)
	switch {
	case s.Type.has("string"):
		return 7
	case s.Type.has("boolean"), s.Type.has("integer"), s.Type.has("number"):
		return "nonsense"
	case s.Type.has("array"), s.Type.has("object"), len(properties) > 0:
		return 7
	}
	return nil
}

func marshal(v any) string {
	text, _ := json.Marshal(v) // maps, texts and numbers always marshal
	return string(text)
}

// lenient tells which bodies of a wrong type are taken, because the official engine
// reads no such member either, whatever the description says.
func lenient(path, body string) bool {
	switch path {
	case "/containers/{id}/update":
		return strings.HasPrefix(body, `{"DiskQuota"`) || strings.HasPrefix(body, `{"Init"`)
	case "/containers/create":
		return strings.Contains(body, `{"DiskQuota"`)
	}
	return false
}
