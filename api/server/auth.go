package server

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// registryAuth decodes the header X-Registry-Auth to the JSON of the
// credentials. What cannot be decoded counts as none, as it always has.
func (x *exchange) registryAuth() string {
	text, _ := fromHeader(x.r.Header.Get("X-Registry-Auth"))
	return text
}

// fromHeader decodes a JSON document from base64, in either alphabet and with
// padding or without.
func fromHeader(header string) (string, bool) {
	header = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(header, "="))
	text, err := base64.RawURLEncoding.DecodeString(header)
	if header == "" || err != nil || !json.Valid(text) {
		return "", false
	}
	return string(text), true
}
