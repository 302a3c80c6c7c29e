package server

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// registryAuth decodes the header X-Registry-Auth to the JSON of the
// credentials. What cannot be decoded counts as none, as it always has.
func (x *exchange) registryAuth() string {
	header := x.r.Header.Get("X-Registry-Auth")
	if header == "" {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(header, "="))
	if err != nil || !json.Valid(text) {
		return ""
	}
	return string(text)
}
