package registry

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/registry/registrytest"
)

func TestSearch(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{})
	peer.Find(map[string]any{"name": "a/b", "star_count": 7, "description": "d"}, map[string]any{"name": "c", "is_official": true})
	s := service(t, Options{})
	found, err := s.Search(t.Context(), peer.Host()+"/b", 0, Auth{})
	if err != nil || len(found) != 2 || found[0].StarCount != 7 || !found[1].IsOfficial {
		t.Errorf("%+v %v", found, err)
	}
	for _, limit := range []int{-1, 101} {
		if _, err := s.Search(t.Context(), peer.Host()+"/b", limit, Auth{}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	for text, want := range map[string]int{"": 2, `{"stars":["3"]}`: 1, `{"is-official":{"true":true}}`: 1, `{"is-official":["false"],"stars":["9"]}`: 0} {
		keep, err := searchFilter(text)
		n := 0
		for _, row := range found {
			if err == nil && keep(row) {
				n++
			}
		}
		if err != nil || n != want {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	for _, bad := range []string{`{"x":["1"]}`, `{"stars":["many"]}`, `{"is-official":["?"]}`, "["} {
		if _, err := searchFilter(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestJobSearch(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{})
	peer.Find(map[string]any{"name": "few", "star_count": 1}, map[string]any{"name": "many", "star_count": 7})
	eng := enginetest.New(t)
	if err := service(t, Options{}).Install(eng); err != nil {
		t.Fatal(err)
	}
	search := func(env ...string) enginetest.Result {
		job := eng.Job("search", peer.Host()+"/x")
		for i := 0; i < len(env); i += 2 {
			job.Setenv(env[i], env[i+1])
		}
		return enginetest.Run(job)
	}
	var rows []SearchResult
	if got := search(); got.Err != nil || json.Unmarshal([]byte(got.Stdout), &rows) != nil || len(rows) != 2 || rows[0].Name != "many" {
		t.Errorf("%+v", got)
	}
	if got := search("limit", "1"); got.Err != nil || strings.Count(got.Stdout, "star_count") != 1 {
		t.Errorf("%+v", got)
	}
	if got := search("filters", `{"stars":["9"]}`); got.Err != nil || strings.TrimSpace(got.Stdout) != "[]" {
		t.Errorf("%+v", got)
	}
	if got := search("filters", `{"no":["9"]}`); !errdefs.Is(got.Err, errdefs.KindInvalidArgument) {
		t.Errorf("%+v", got)
	}
	peer.Fail(registrytest.Fault{Path: "/v1/search", Status: 503})
	if got := search(); !errdefs.Is(got.Err, errdefs.KindUnavailable) {
		t.Errorf("%+v", got)
	}
}
