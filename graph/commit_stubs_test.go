//go:build linux

package graph

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/graphdriver"
)

// TestBareStubs: only what was made for a mount, and holds nothing, is left out.
func TestBareStubs(t *testing.T) {
	add := func(paths ...string) (list []graphdriver.Change) {
		for _, p := range paths {
			kind := graphdriver.ChangeAdd
			if strings.HasPrefix(p, "!") {
				p, kind = p[1:], graphdriver.ChangeModify
			}
			list = append(list, graphdriver.Change{Path: p, Kind: kind})
		}
		return list
	}
	for name, c := range map[string]struct {
		changes []graphdriver.Change
		stubs   []string
		want    string
	}{
		"a file":                     {add("/s"), []string{"/s"}, "/s"},
		"and what it was made in":    {add("/a", "/a/b", "/a/b/s"), []string{"/a", "/a/b", "/a/b/s"}, "/a /a/b /a/b/s"},
		"a directory used otherwise": {add("/a", "/a/mine", "/a/s"), []string{"/a", "/a/s"}, "/a/s"},
		"a directory of the image":   {add("!/a", "/a/s"), []string{"/a", "/a/s"}, "/a/s"},
		"one with something in it":   {add("/c", "/c/x"), []string{"/c"}, ""},
		"named twice":                {add("/a", "/a/s"), []string{"/a/s", "/a/s", "/a"}, "/a /a/s"},
		"one that is not there":      {add("/a"), []string{"/b"}, ""},
		"unclean names":              {add("/a", "/a/s"), []string{"a/", "/a//s"}, "/a /a/s"},
	} {
		got := slices.Sorted(maps.Keys(bareStubs(c.changes, c.stubs)))
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}
