package client

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// platformQuery adds --platform to a request of those that want it as a JSON
// object: the API calls it key.
func platformQuery(query url.Values, key string, texts ...string) error {
	for _, text := range texts {
		if text == "" {
			continue
		}
		parts := strings.Split(strings.ToLower(text), "/")
		if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
			return errdefs.InvalidArgument("invalid platform %q: it is os/architecture or os/architecture/variant", text)
		}
		object := struct {
			Architecture string `json:"architecture"`
			OS           string `json:"os"`
			Variant      string `json:"variant,omitempty"`
		}{Architecture: parts[1], OS: parts[0]}
		if len(parts) == 3 {
			object.Variant = parts[2]
		}
		encoded, err := json.Marshal(object)
		if err != nil {
			return err
		}
		query.Add(key, string(encoded))
	}
	return nil
}
