package events

import (
	"maps"
	"slices"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/filters"
)

// filter says which events a reader wants: the values of one key are
// alternatives, except labels; all keys have to match.
type filter map[string][]string

// matchers has every key that a filter may have.
var matchers = map[string]func(ev *api.Event, values []string) bool{
	"event": func(ev *api.Event, values []string) bool {
		short, _, _ := strings.Cut(ev.Action, ":") // "exec_start" of "exec_start: ls -l"
		return slices.Contains(values, ev.Action) || slices.Contains(values, short)
	},
	"type":      func(ev *api.Event, values []string) bool { return slices.Contains(values, ev.Type) },
	"scope":     func(ev *api.Event, values []string) bool { return slices.Contains(values, ev.Scope) },
	"image":     matchImage,
	"label":     matchLabels,
	"container": thing(TypeContainer),
	"network":   thing(TypeNetwork),
	"volume":    thing(TypeVolume),
	"daemon":    thing(TypeDaemon),
	"plugin":    thing("plugin"), // the rest is known to clients and never happens here
	"node":      thing("node"),
	"service":   thing("service"),
	"secret":    thing("secret"),
	"config":    thing("config"),
}

func parseFilter(text string) (filter, error) {
	list, err := filters.Parse(text, slices.Collect(maps.Keys(matchers))...)
	if err != nil {
		return nil, err
	}
	f := filter(list)
	maps.DeleteFunc(f, func(_ string, values []string) bool { return len(values) == 0 }) // asks for nothing
	return f, nil
}

func (f filter) match(ev *api.Event) bool {
	for key, values := range f {
		if !matchers[key](ev, values) {
			return false
		}
	}
	return true
}

// thing matches events of one type by the name or the id of the thing, or by the
// beginning of either.
func thing(typ string) func(*api.Event, []string) bool {
	return func(ev *api.Event, values []string) bool {
		if ev.Type != typ {
			return false
		}
		name := strings.TrimPrefix(ev.Actor.Attributes["name"], "/")
		for _, v := range values {
			v = strings.TrimPrefix(v, "/")
			if v != "" && (strings.HasPrefix(name, v) || strings.HasPrefix(ev.Actor.ID, v)) {
				return true
			}
		}
		return false
	}
}

// matchImage matches images, and containers made from them. The tag may be left
// out.
func matchImage(ev *api.Event, values []string) bool {
	var names []string
	switch ev.Type {
	case TypeImage:
		names = []string{ev.Actor.ID, strings.TrimPrefix(ev.Actor.ID, "sha256:"), ev.Actor.Attributes["name"]}
	case TypeContainer:
		names = []string{ev.From}
	}
	for _, name := range names {
		if name != "" && (slices.Contains(values, name) || slices.Contains(values, untagged(name))) {
			return true
		}
	}
	return false
}

// untagged takes the tag off an image name; the colon of a port is none.
func untagged(name string) string {
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		return name[:i]
	}
	return name
}

// matchLabels wants every "key" and "key=value".
func matchLabels(ev *api.Event, values []string) bool {
	for _, want := range values {
		key, value, exact := strings.Cut(want, "=")
		got, ok := ev.Actor.Attributes[key]
		if !ok || exact && got != value {
			return false
		}
	}
	return true
}
