package server

import (
	"bytes"
	"net/http"
	"strings"
)

// plainAsk is a request as plain as can be.
type plainAsk struct {
	method string
	path   []byte // with the version; part of what was read
	ping   bool
}

// plainRequest tells whether p is one request for /_ping, /containers/json or
// /containers/NAME/json and nothing else, of an API version that is spoken, without a
// header that could matter.
func plainRequest(p []byte) (ask plainAsk, plain bool) {
	const get, head, protocol = "GET /", "HEAD /", " HTTP/1.1"
	switch {
	case bytes.HasPrefix(p, []byte(get)):
		ask.method = http.MethodGet
	case bytes.HasPrefix(p, []byte(head)):
		ask.method = http.MethodHead
	default:
		return ask, false
	}
	line, rest, ok := bytes.Cut(p, []byte("\r\n"))
	if !ok || !bytes.HasSuffix(line, []byte(protocol)) {
		return ask, false
	}
	ask.path = line[len(ask.method)+1 : len(line)-len(protocol)]
	version, ok := ask.read()
	return ask, ok && plainVersion(version) && plainHeaders(rest)
}

// read tells what the path asks for, and of which version.
func (ask *plainAsk) read() (version []byte, plain bool) {
	if version, ask.ping = bytes.CutSuffix(ask.path, []byte("/_ping")); ask.ping {
		return version, true
	}
	version, rest, found := bytes.Cut(ask.path, []byte("/containers/"))
	if !found || ask.method != http.MethodGet {
		return nil, false
	}
	name, inspect := bytes.CutSuffix(rest, []byte("/json"))
	return version, inspect && plainName(name) || string(rest) == "json"
}

// plainName tells whether the path of a container of this name is read by everybody
// as it stands.
func plainName(name []byte) bool {
	return plainText(name, func(c byte) bool { return isAlnum(c) || strings.IndexByte("_.-", c) >= 0 }) && isAlnum(name[0])
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// plainHeaders tells whether p are headers of which none changes the answer, the
// empty line, and nothing more.
func plainHeaders(p []byte) bool {
	hosts := 0
	for {
		line, rest, ok := bytes.Cut(p, []byte("\r\n"))
		if !ok {
			return false
		}
		if len(line) == 0 {
			return hosts == 1 && len(rest) == 0
		}
		name, value, ok := bytes.Cut(line, []byte(": "))
		if !ok || !plainHeader(name, value) {
			return false
		}
		if bytes.EqualFold(name, []byte("Host")) {
			hosts++
		}
		p = rest
	}
}

// plainVersion tells whether a ping of /vN.N is answered with a success.
func plainVersion(prefix []byte) bool {
	if len(prefix) == 0 {
		return true
	}
	if len(prefix) > len("/v1.9999") {
		return false
	}
	v, rest, explicit := splitVersion(string(prefix))
	return explicit && rest == "" && checkVersion(v) == nil
}

// plainHeader tells whether a header changes nothing of the answer.
func plainHeader(name, value []byte) bool {
	switch {
	case bytes.EqualFold(name, []byte("Host")):
		return plainText(value, func(c byte) bool {
			return isAlnum(c) || strings.IndexByte(".-:[]_", c) >= 0
		})
	case bytes.EqualFold(name, []byte("User-Agent")), bytes.EqualFold(name, []byte("Accept")), bytes.EqualFold(name, []byte("Accept-Encoding")):
		return plainText(value, func(c byte) bool { return c >= ' ' && c < 0x7f })
	case bytes.EqualFold(name, []byte("Connection")):
		return bytes.EqualFold(value, []byte("keep-alive"))
	}
	return false
}

func plainText(text []byte, plain func(c byte) bool) bool {
	for _, c := range text {
		if !plain(c) {
			return false
		}
	}
	return len(text) > 0
}
