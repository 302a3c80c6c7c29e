// Package filters reads the filters of the API's lists and prunes: the JSON
// object {"label":["a"]}, or {"label":{"a":true}} of older clients. It owns no
// state. Start reading at Parse. It imports errdefs only.
package filters

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Filters is the values of each filter, sorted where the client gave a set.
type Filters map[string][]string

// Parse reads filters. Only those that are known may be there; without any, all
// may. Empty text is no filter.
func Parse(text string, known ...string) (Filters, error) {
	if text == "" || text == "null" {
		return Filters{}, nil
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, errdefs.InvalidArgument("filters must be a JSON object: %w", err)
	}
	f := make(Filters, len(raw))
	for name, value := range raw {
		if len(known) > 0 && !slices.Contains(known, name) {
			return nil, errdefs.InvalidArgument("invalid filter '%s'", name)
		}
		var list []string
		if json.Unmarshal(value, &list) != nil {
			var set map[string]bool
			if err := json.Unmarshal(value, &set); err != nil {
				return nil, errdefs.InvalidArgument("filter '%s' must have a list of values", name)
			}
			for v, on := range set {
				if on {
					list = append(list, v)
				}
			}
			slices.Sort(list)
		}
		f[name] = list
	}
	return f, nil
}

// Bool reads a filter of one value that is true or false; without it, otherwise.
func (f Filters) Bool(name string, otherwise bool) (bool, error) {
	values := f[name]
	if len(values) == 0 {
		return otherwise, nil
	}
	if len(values) == 1 {
		switch strings.ToLower(values[0]) {
		case "1", "true":
			return true, nil
		case "0", "false":
			return false, nil
		}
	}
	return false, errdefs.InvalidArgument("invalid filter '%s=[%s]'", name, strings.Join(values, " "))
}

// Until reads the filter of that name: the moment before which things pass.
// Without it everything does, and the time is zero.
func (f Filters) Until(now time.Time) (time.Time, error) {
	switch values := f["until"]; len(values) {
	case 0:
		return time.Time{}, nil
	case 1:
		return ParseTime(values[0], now)
	default:
		return time.Time{}, errdefs.InvalidArgument("more than one until filter specified")
	}
}

// Labels tells whether labels pass the filters label (all of key or key=value)
// and label! (none of them).
func (f Filters) Labels(labels map[string]string) bool {
	has := func(want string) bool {
		key, value, valued := strings.Cut(want, "=")
		got, ok := labels[key]
		return ok && (!valued || got == value)
	}
	for _, want := range f["label"] {
		if !has(want) {
			return false
		}
	}
	return !slices.ContainsFunc(f["label!"], has)
}

// ParseTime reads a day, a moment, seconds since 1970 or a duration before now.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02Z07:00", "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	seconds, fraction, _ := strings.Cut(text, ".")
	if at, err := strconv.ParseInt(seconds, 10, 64); err == nil {
		if nanos, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64); err == nil {
			return time.Unix(at, nanos), nil
		}
	}
	return time.Time{}, errdefs.InvalidArgument("invalid time %q: use a form like 2006-01-02T15:04:05Z, or a duration like 10m", text)
}
