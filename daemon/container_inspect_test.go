package daemon

import (
	"encoding/json"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestContainerInspect(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("container_inspect", "nobody"))
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("container_inspect", ""))
	f.create("one", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.Binds = []string{"/tmp:/x:ro"} })
	out, err := env(f.eng.Job("container_inspect", "one"), "size", "1").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got api.ContainerInspect
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if *got.SizeRw != 42 || got.Driver != "fake" || got.GraphDriver.Data["UpperDir"] != got.Id || got.LogPath == "" {
		t.Errorf("%+v", got)
	}
	if m := got.Mounts; len(m) != 1 || m[0].Type != "bind" || m[0].RW || m[0].Propagation != "rprivate" || m[0].Mode != "ro" {
		t.Errorf("mounts %+v", m)
	}
	if got.Args == nil || got.HostConfig.RestartPolicy.Name != "no" {
		t.Errorf("%+v", got)
	}
}

// TestContainerInspect_Older: what only older API versions tell is left out on demand.
func TestContainerInspect_Older(t *testing.T) {
	f := setup(t)
	f.create("one", "true", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.MacAddress = "02:42:ac:11:00:09" })
	for _, test := range []struct{ driver, network, size string }{{"1", "1", "0"}, {"0", "1", "0"}, {"0", "0", "0"}, {"0", "0", "0"}, {"0", "0", "1"}} {
		out, err := env(f.eng.Job("container_inspect", "one"), "exec-driver", test.driver, "main-network", test.network, "size", test.size).Output()
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			ID              string `json:"Id"`
			ExecDriver      *string
			SizeRw          *int64
			Config          map[string]any
			NetworkSettings map[string]any
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		_, mac := got.Config["MacAddress"]
		_, address := got.NetworkSettings["IPAddress"]
		_, networks := got.NetworkSettings["Networks"]
		if older := test.network == "1"; mac != older || address != older || !networks || len(got.NetworkSettings) != 4 && !older || got.ID == "" {
			t.Errorf("%v: %s", test, out)
		}
		if got.ExecDriver != nil != (test.driver == "1") || got.SizeRw != nil != (test.size == "1") {
			t.Errorf("%v: %s", test, out)
		}
	}
	if c := f.inspect("one").Config; c.MacAddress == "" {
		t.Error("the record has lost what was left out")
	}
}

func TestFind_OrderAndAmbiguity(t *testing.T) {
	f := setup(t)
	a, b := f.create("aa", "true"), f.create("bb", "true")
	f.run("container_rename", "aa", b[:6]) // a name that looks like the id of another
	if got := f.inspect(b[:6]).Id; got != a {
		t.Errorf("a name must win over a prefix of an id, got %s", got)
	}
	if got := f.inspect(b).Id; got != b {
		t.Errorf("the full id leads to %s", got)
	}
	for range 20 {
		f.create("", "true")
	}
	count := map[byte]int{}
	for _, c := range f.containers.all() {
		count[c.id[0]]++
	}
	for digit, n := range count {
		if n > 1 {
			f.fails(errdefs.KindInvalidArgument, f.eng.Job("container_inspect", string(digit)))
			return
		}
	}
}
