package daemon

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/runconfig"
)

func (f *fixture) update(name, config string) error {
	f.t.Helper()
	out, err := env(f.eng.Job("container_update", name), "UpdateConfig", config).Output()
	if err != nil {
		return err
	}
	var done api.ContainerUpdated
	if err := json.Unmarshal(out, &done); err != nil || done.Warnings == nil {
		f.t.Errorf("%s: %v", out, err)
	}
	return nil
}

func (f *fixture) limits(id string) (memory, swap int64) {
	r := f.opt.Exec.(*fake.Driver).Limits(id)
	return r.Memory, r.MemorySwap
}

func TestUpdate(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, env(f.eng.Job("container_update", "nobody"), "UpdateConfig", "{}"))
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("container_update", "nobody"))
	id := f.create("box", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.Memory = 64 << 20
	})
	if got := f.inspect("box").HostConfig.MemorySwap; got != 128<<20 {
		t.Errorf("swap of a new one is %d", got)
	}
	f.events.take()
	if err := f.update("box", `{"Memory": 33554432, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}`); err != nil {
		t.Fatal(err)
	}
	if got := f.events.take(); got != "update" {
		t.Errorf("events: %s", got)
	}
	f.run("start", "box")
	if memory, swap := f.limits(id); memory != 32<<20 || swap != 128<<20 {
		t.Errorf("started with %d, %d", memory, swap)
	}
	if err := f.update("box", `{"Memory": 268435456, "MemorySwap": -1, "PidsLimit": 7, "CpuShares": 99}`); err != nil {
		t.Fatal(err)
	}
	if memory, swap := f.limits(id); memory != 256<<20 || swap != -1 {
		t.Errorf("updated to %d, %d", memory, swap)
	}
	check := func() {
		t.Helper()
		h := f.inspect("box").HostConfig
		if h.Memory != 256<<20 || h.MemorySwap != -1 || *h.PidsLimit != 7 || h.CpuShares != 99 ||
			h.RestartPolicy != (runconfig.RestartPolicy{Name: "on-failure", MaximumRetryCount: 3}) {
			t.Errorf("%+v %+v", h.Resources, h.RestartPolicy)
		}
	}
	check()
	f.crash()
	f.boot()
	check()
	if err := f.update("box", `{"CpusetCpus": "1024"}`); err == nil {
		t.Error("a processor that does not exist")
	}
	if err := f.update("box", `null`); err != nil {
		t.Errorf("nothing: %v", err)
	}
	check()
}

func TestUpdateRefuses(t *testing.T) {
	f := setup(t)
	f.create("nano", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.NanoCpus = 5e8; h.AutoRemove = true })
	f.create("quota", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.CpuQuota, h.Memory, h.MemorySwap = 5000, 32<<20, 64<<20
	})
	for _, c := range []struct {
		name, config, text string
		kind               errdefs.Kind
	}{
		{"nano", `{"CpuPeriod": 5000}`, "CPU Period cannot be updated as NanoCPUs has already been set", errdefs.KindConflict},
		{"nano", `{"CpuQuota": 5000}`, "CPU Quota cannot be updated as NanoCPUs has already been set", errdefs.KindConflict},
		{"nano", `{"RestartPolicy": {"Name": "always"}}`, "because AutoRemove is enabled", errdefs.KindConflict},
		{"quota", `{"NanoCpus": 500000000}`, "Nano CPUs cannot be updated as CPU Quota has already been set", errdefs.KindConflict},
		{"quota", `{"Memory": 134217728}`, "update the memoryswap at the same time", errdefs.KindConflict},
		{"quota", `{"MemorySwap": 16777216}`, "Minimum memoryswap limit should be larger than memory limit", errdefs.KindInvalidArgument},
		{"quota", `{"Memory": 1}`, "Minimum memory limit allowed is 6MB", errdefs.KindInvalidArgument},
		{"quota", `{"RestartPolicy": {"Name": "sometimes"}}`, "invalid restart policy", errdefs.KindInvalidArgument},
		{"quota", `{"Memory": "much"}`, "Memory", errdefs.KindInvalidArgument},
		{"quota", `{"CpusetCpus": "4095"}`, "Requested CPUs are not available - requested 4095, available: 0", errdefs.KindInvalidArgument},
		{"quota", `{"CpuRealtimePeriod": 5, "CpuRealtimeRuntime": 6}`, "cannot be higher", errdefs.KindInvalidArgument},
	} {
		err := f.fails(c.kind, env(f.eng.Job("container_update", c.name), "UpdateConfig", c.config))
		if !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.config, err)
		}
	}
	if h := f.inspect("quota").HostConfig; h.Memory != 32<<20 || h.MemorySwap != 64<<20 || h.NanoCpus != 0 {
		t.Errorf("%+v", h.Resources)
	}
}

// TestUpdateIsKeptOrUndone: what cannot be kept on disk is not in force.
func TestUpdateIsKeptOrUndone(t *testing.T) {
	f := setup(t)
	id := f.create("box", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.Memory = 64 << 20 })
	f.run("start", "box")
	c, err := f.containers.find("box")
	if err != nil {
		t.Fatal(err)
	}
	hidden := c.dir + ".hidden"
	if err := os.Rename(c.dir, hidden); err != nil {
		t.Fatal(err)
	}
	err = f.update("box", `{"Memory": 33554432}`)
	if back := os.Rename(hidden, c.dir); back != nil {
		t.Fatal(back)
	}
	if err == nil {
		t.Fatal("kept without a directory")
	}
	if got := f.inspect("box").HostConfig.Memory; got != 64<<20 {
		t.Errorf("inspect shows %d", got)
	}
	if memory, _ := f.limits(id); memory != 64<<20 {
		t.Errorf("the driver has %d", memory)
	}
}
