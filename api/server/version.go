package server

import (
	"strconv"
	"strings"

	"github.com/enginejobs/docker/api"
)

// version is an API version, major<<16 | minor, so that versions compare as
// numbers: 1.10 > 1.9.
type version uint32

// v1 is version 1.minor.
func v1(minor uint16) version { return 1<<16 | version(minor) }

var (
	newest = mustVersion(api.Version)
	oldest = mustVersion(api.MinVersion)
)

func mustVersion(s string) version {
	major, minor, _ := strings.Cut(s, ".")
	hi, _ := strconv.ParseUint(major, 10, 15)
	lo, _ := strconv.ParseUint(minor, 10, 16)
	return version(hi)<<16 | version(lo)
}

// String gives "1.24".
func (v version) String() string {
	return strconv.Itoa(int(v>>16)) + "." + strconv.Itoa(int(v&0xffff))
}

// splitVersion takes the prefix /vN.N off a path. A path without prefix speaks
// the newest version, and explicit is false. Missing or absurd components count
// as zero or as their greatest value; the caller compares with its range.
func splitVersion(path string) (v version, rest string, explicit bool) {
	if len(path) < 3 || path[0] != '/' || path[1] != 'v' || !digitOrDot(path[2]) {
		return newest, path, false
	}
	end := 2
	for end < len(path) && digitOrDot(path[end]) {
		end++
	}
	if end < len(path) && path[end] != '/' {
		return newest, path, false // /v1x/... is no version
	}
	text := path[2:end]
	major, minor, _ := strings.Cut(text, ".")
	minor, _, _ = strings.Cut(minor, ".")
	return version(component(major))<<16 | version(component(minor)), path[end:], true
}

func component(s string) uint16 {
	n, err := strconv.ParseUint(s, 10, 64)
	switch {
	case err != nil && len(s) > 5: // out of range
		return 0xffff
	case err != nil:
		return 0
	case n > 0xffff:
		return 0xffff
	}
	return uint16(n)
}

func digitOrDot(c byte) bool { return c == '.' || c >= '0' && c <= '9' }
