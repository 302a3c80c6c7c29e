package runconfig

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

// ParseGPUs reads the value of --gpus: "all", a number, or fields with commas
// between them, each quoted where it has commas itself: driver=NAME, count=N,
// "device=ID,ID", "capabilities=NAME,NAME" and "options=KEY=VALUE,KEY=VALUE".
func ParseGPUs(text string) (DeviceRequest, error) {
	r := DeviceRequest{Options: make(map[string]string)}
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return r, fmt.Errorf("invalid --gpus %q: %w", text, err)
	}
	seen := make(map[string]bool)
	for _, field := range fields {
		key, value, valued := strings.Cut(field, "=")
		if !valued {
			key, value = "count", field
		}
		if seen[key] {
			return r, fmt.Errorf("gpu request key '%s' can be specified only once", key)
		}
		seen[key] = true
		if err := r.setGPU(key, value, text); err != nil {
			return r, err
		}
	}
	if !seen["count"] && !seen["device"] {
		r.Count = 1
	}
	if r.Capabilities == nil {
		r.Capabilities = [][]string{{"gpu"}}
	}
	return r, nil
}

// setGPU takes one field of text.
func (r *DeviceRequest) setGPU(key, value, text string) error {
	switch key {
	case "driver":
		r.Driver = value
	case "count":
		if value == "all" {
			r.Count = -1
			return nil
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("invalid count (%s): value must be either \"all\" or an integer", value)
		}
		r.Count = n
	case "device":
		r.DeviceIDs = strings.Split(value, ",")
	case "capabilities":
		r.Capabilities = [][]string{append(strings.Split(value, ","), "gpu")}
	case "options":
		for _, pair := range strings.Split(value, ",") {
			name, v, _ := strings.Cut(pair, "=")
			r.Options[name] = v
		}
	default:
		return fmt.Errorf("unexpected key '%s' in '%s'", key, text)
	}
	return nil
}
