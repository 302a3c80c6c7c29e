package server

import (
	"encoding/json"
	"strings"
)

// shape edits a JSON document, written by a job in the newest shape, for the
// requests whose version is at least from and below below. Zero means no bound.
// Shapes of one answer are applied in the order of their list.
type shape struct {
	from, below version
	edit        func(doc any) any
	drop        []string // the members that it leaves out, when it does nothing else; see trim
}

// members is a JSON object.
type members = map[string]any

func (s shape) applies(v version) bool {
	return v >= s.from && (s.below == 0 || v < s.below)
}

// needed picks the shapes for a version.
func needed(all []shape, v version) []shape {
	n := 0
	for _, s := range all {
		if s.applies(v) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	need := make([]shape, 0, n)
	for _, s := range all {
		if s.applies(v) {
			need = append(need, s)
		}
	}
	return need
}

// before and since make shapes of objects.
func before(minor uint16, edit func(m members)) shape {
	return shape{below: v1(minor), edit: object(edit)}
}

func since(minor uint16, edit func(m members)) shape {
	return shape{from: v1(minor), edit: object(edit)}
}

// rowsBefore makes a shape of lists of objects.
func rowsBefore(minor uint16, edit func(m members)) shape {
	return shape{below: v1(minor), edit: rows(edit)}
}

func object(edit func(m members)) func(any) any {
	return func(doc any) any {
		if m, ok := doc.(members); ok {
			edit(m)
		}
		return doc
	}
}

func rows(edit func(m members)) func(any) any {
	return func(doc any) any {
		list, ok := doc.([]any)
		if !ok {
			return doc
		}
		for _, row := range list {
			if m, ok := row.(members); ok {
				edit(m)
			}
		}
		return doc
	}
}

// drop makes an edit that forgets members.
func drop(names ...string) func(members) {
	return func(m members) { forget(m, names...) }
}

func forget(m members, names ...string) {
	for _, name := range names {
		delete(m, name)
	}
}

// forgetEmpty forgets members that say nothing.
func forgetEmpty(m members, names ...string) {
	for _, name := range names {
		if isEmpty(m[name]) {
			delete(m, name)
		}
	}
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case json.Number:
		return v == "0"
	case []any:
		return len(v) == 0
	case members:
		return len(v) == 0
	}
	return false
}

// sub returns an object inside of an object: empty, never nil, when absent.
func sub(m members, name string) members {
	if inner, ok := m[name].(members); ok {
		return inner
	}
	return members{}
}

func str(m members, name string) string {
	s, _ := m[name].(string)
	return s
}

// bareID undoes the prefix that image ids have since 1.22.
func bareID(m members, names ...string) {
	for _, name := range names {
		if id, ok := m[name].(string); ok {
			m[name] = strings.TrimPrefix(id, "sha256:")
		}
	}
}
