package builder_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/server/daemontest"
)

// buildCaches builds something that leaves caches with these ids.
func buildCaches(t *testing.T, eng *engine.Engine, ids ...string) {
	t.Helper()
	var file strings.Builder
	file.WriteString("FROM box\n")
	for _, id := range ids {
		file.WriteString("RUN --mount=type=cache,id=" + id + ",target=/cache true\n")
	}
	job := eng.Job("build")
	if err := job.Stdin.Add(strings.NewReader(file.String())); err != nil {
		t.Fatal(err)
	}
	out, err := job.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func caches(t *testing.T, eng *engine.Engine) (list []api.BuildCache) {
	t.Helper()
	if err := json.Unmarshal([]byte(enginetest.MustRun(t, eng.Job("build_caches"))), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func prune(t *testing.T, eng *engine.Engine, keys ...string) (out api.BuildPruned) {
	t.Helper()
	job := eng.Job("build_prune")
	for i := 0; i < len(keys); i += 2 {
		job.Setenv(keys[i], keys[i+1])
	}
	if err := json.Unmarshal([]byte(enginetest.MustRun(t, job)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBuildPrune(t *testing.T) {
	d := daemontest.New(t, daemontest.Fake())
	d.ImportBox(t)
	eng := d.Engine()
	if list := caches(t, eng); list == nil || len(list) != 0 {
		t.Errorf("before any build: %+v", list)
	}
	buildCaches(t, eng, "one", "two", "three")
	list := caches(t, eng)
	if len(list) != 3 || !strings.Contains(list[0].Description, `"three"`) || list[0].Type != "exec.cachemount" ||
		list[0].InUse || list[0].Shared || list[0].UsageCount != 1 || list[0].LastUsedAt == nil {
		t.Errorf("%+v", list)
	}
	var usage api.DiskUsage
	if err := eng.Job("system_df").OutputJSON(&usage); err != nil || len(usage.BuildCache) != 3 {
		t.Errorf("system_df: %+v %v", usage.BuildCache, err)
	}
	for _, filters := range []string{
		`{"type":["regular"]}`, `{"inuse":["true"]}`, `{"until":["1h"]}`, `{"shared":[]}`, `{"description":["none"]}`, `{"parent":["none"]}`, `{"unused-for":["1h"]}`,
	} {
		if out := prune(t, eng, "filters", filters); len(out.CachesDeleted) != 0 || out.CachesDeleted == nil {
			t.Errorf("%s removed %v", filters, out)
		}
	}
	if out := prune(t, eng, "keep-storage", "1000000"); len(out.CachesDeleted) != 0 {
		t.Errorf("what may stay was removed: %v", out)
	}
	out := prune(t, eng, "filters", `{"id":["`+list[1].ID[:8]+`"],"private":["1"],"inuse":["0"],"type":["exec.cachemount"]}`)
	if len(out.CachesDeleted) != 1 || out.CachesDeleted[0] != list[1].ID || out.SpaceReclaimed <= 0 {
		t.Errorf("by id: %+v", out)
	}
	if out := prune(t, eng, "all", "1"); len(out.CachesDeleted) != 2 || len(caches(t, eng)) != 0 {
		t.Errorf("all: %+v", out)
	}
	for key, value := range map[string]string{
		"filters": `{"color":["red"]}`, "keep-storage": "-1", "max-used-space": "-5",
	} {
		job := eng.Job("build_prune")
		job.Setenv(key, value)
		if err := job.Run(); errdefs.KindOf(err) != errdefs.KindInvalidArgument {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	for _, bad := range []string{`{"inuse":["perhaps"]}`, `{"id":["a","b"]}`, `{"until":["1h"],"unused-for":["1h"]}`, `{"until":["never"]}`} {
		job := eng.Job("build_prune")
		job.Setenv("filters", bad)
		if err := job.Run(); errdefs.KindOf(err) != errdefs.KindInvalidArgument {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
