package engine_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// TestJobListCanBeDecoded: what job_list writes is read back as it was said.
func TestJobListCanBeDecoded(t *testing.T) {
	eng := enginetest.New(t)
	keys := []engine.Key{
		{Name: "string"}, {Name: "bool", Type: engine.Bool}, {Name: "int", Type: engine.Int},
		{Name: "int64", Type: engine.Int64}, {Name: "json", Type: engine.JSON},
		{Name: "list", Type: engine.List}, {Name: "time", Type: engine.Time},
	}
	must(t, eng.Declare(engine.Declaration{
		Name: "all", Summary: "Takes everything.", Env: keys, Stdin: engine.Multiplexed, Stdout: engine.JSONLines,
		Handler: func(*engine.Job) error { return nil },
	}))
	var list []engine.JobDescription
	must(t, eng.Job("job_list", "all").OutputJSON(&list))
	want, _ := eng.Describe("all")
	if len(list) != 1 || !reflect.DeepEqual(list[0], want) {
		t.Errorf("got  %+v\nwant %+v", list, want)
	}
}

func TestUnknownNamesOfTypes(t *testing.T) {
	for _, text := range []string{`"unknown"`, `""`, `"JSON"`} {
		var kind engine.Type
		if err := json.Unmarshal([]byte(text), &kind); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("type %s: %v", text, err)
		}
		var stream engine.Stream
		if err := json.Unmarshal([]byte(text), &stream); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("stream %s: %v", text, err)
		}
	}
}
