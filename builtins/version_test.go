package builtins

import (
	"encoding/json"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func TestVersion(t *testing.T) {
	eng := enginetest.New(t)
	if err := installVersion(eng); err != nil {
		t.Fatal(err)
	}
	var v api.SystemVersion
	if err := json.Unmarshal([]byte(enginetest.MustRun(t, eng.Job("version"))), &v); err != nil {
		t.Fatal(err)
	}
	if v.Version == "" || v.ApiVersion != api.Version || v.MinAPIVersion != api.MinVersion || v.Os == "" || len(v.Components) != 1 {
		t.Errorf("got %+v", v)
	}
	if err := eng.Job("version", "extra").Run(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("an argument was taken: %v", err)
	}
}
