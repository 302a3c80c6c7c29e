package daemon

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

func TestLimitsAreChecked(t *testing.T) {
	f := setup(t)
	for host, text := range map[string]string{
		`{"Memory": 6291455}`:                                      "Minimum memory limit allowed is 6MB",
		`{"Memory": -1}`:                                           "memory limits must not be negative",
		`{"Memory": 8388608, "MemorySwap": 8388607}`:               "Minimum memoryswap limit should be larger than memory limit, see usage",
		`{"MemorySwap": 8388607}`:                                  "You should always set the Memory limit when using Memoryswap limit, see usage",
		`{"MemorySwap": -2}`:                                       "memory swap limit must be positive",
		`{"MemorySwappiness": 101}`:                                "Invalid value: 101, valid memory swappiness range is 0-100",
		`{"MemoryReservation": 5}`:                                 "Minimum memory reservation allowed is 6MB",
		`{"Memory": 8388608, "MemoryReservation": 8388609}`:        "Minimum memory limit can not be less than memory reservation limit, see usage",
		`{"NanoCpus": 1, "CpuPeriod": 5000}`:                       "Conflicting options: Nano CPUs and CPU Period cannot both be set",
		`{"NanoCpus": 1, "CpuQuota": 5000}`:                        "Conflicting options: Nano CPUs and CPU Quota cannot both be set",
		`{"NanoCpus": 9000000000000}`:                              "range of CPUs is from 0.01 to ",
		`{"CpuPeriod": 999}`:                                       "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
		`{"CpuPeriod": 1000001}`:                                   "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
		`{"CpuQuota": 999}`:                                        "CPU cfs quota can not be less than 1ms (i.e. 1000)",
		`{"CpuRealtimePeriod": 5, "CpuRealtimeRuntime": 6}`:        "CPU real-time runtime cannot be higher than CPU real-time period",
		`{"CpusetCpus": "0-"}`:                                     "Invalid value 0- for cpuset cpus",
		`{"CpusetCpus": "3-1"}`:                                    "Invalid value 3-1 for cpuset cpus",
		`{"CpusetCpus": "0-99999999999"}`:                          "Invalid value 0-99999999999 for cpuset cpus",
		`{"CpusetCpus": "0-8000"}`:                                 "Requested CPUs are not available - requested 0-8000, available: 0",
		`{"CpusetMems": "x"}`:                                      "Invalid value x for cpuset mems",
		`{"CpusetMems": "77"}`:                                     "Requested memory nodes are not available - requested 77, available: 0",
		`{"BlkioWeight": 9}`:                                       "Range of blkio weight is from 10 to 1000",
		`{"BlkioWeight": 1001}`:                                    "Range of blkio weight is from 10 to 1000",
		`{"BlkioWeightDevice": [{"Path": "/dev/x", "Weight": 9}]}`: "Range of blkio weight is from 10 to 1000",
		`{"OomScoreAdj": 1001}`:                                    "Invalid value 1001, range for oom score adj is [-1000, 1000]",
		`{"CgroupParent": "../.."}`:                                `invalid cgroup parent "../.."`,
		`{"CgroupParent": "/a/../../b"}`:                           `invalid cgroup parent`,
		`{"CgroupParent": "a\nb"}`:                                 `invalid cgroup parent`,
		`{"Ulimits": [{"Name": "nofile", "Soft": 2, "Hard": 1}]}`:  "ulimit soft limit must be less than or equal to hard limit: 2 > 1",
		`{"Ulimits": [{"Name": "many", "Soft": 2, "Hard": 1}]}`:    "invalid ulimit type: many",
	} {
		_, err := f.tryCreate("", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) {
			if err := json.Unmarshal([]byte(host), h); err != nil {
				t.Fatal(err)
			}
		})
		if err == nil || !strings.Contains(err.Error(), text) || !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v, want %q", host, err, text)
		}
	}
}

// TestLimitsThatTheHostLacks are taken away, and people are told.
func TestLimitsThatTheHostLacks(t *testing.T) {
	kill, pids, swappiness := true, int64(5), int64(50)
	throttle := []runconfig.ThrottleDevice{{Path: "/dev/x", Rate: 1}}
	h := &runconfig.HostConfig{Resources: runconfig.Resources{
		Memory: 64 << 20, MemorySwap: 64 << 20, MemoryReservation: 32 << 20, MemorySwappiness: &swappiness, OomKillDisable: &kill,
		PidsLimit: &pids, CpuShares: 5, CpuQuota: 5000, CpusetCpus: "0", KernelMemory: 5, BlkioWeight: 50,
		BlkioWeightDevice: []runconfig.WeightDevice{{Path: "/dev/x", Weight: 50}}, BlkioDeviceReadBps: throttle,
		BlkioDeviceWriteBps: throttle, BlkioDeviceReadIOps: throttle, BlkioDeviceWriteIOps: throttle,
	}}
	warnings := discard(execdriver.Info{}, h)
	if len(warnings) != 14 {
		t.Errorf("%d warnings: %s", len(warnings), strings.Join(warnings, "\n"))
	}
	for _, w := range warnings {
		if !strings.Contains(w, "discarded") {
			t.Errorf("%s", w)
		}
	}
	r := h.Resources
	if r.Memory != 0 || r.PidsLimit != nil || r.CpuShares != 0 || r.CpusetCpus != "" || r.BlkioWeight != 0 || r.BlkioDeviceReadIOps != nil {
		t.Errorf("left: %+v", r)
	}
	all := execdriver.Info{MemoryLimit: true, SwapLimit: true, OOMControl: true}
	h = &runconfig.HostConfig{Resources: runconfig.Resources{OomKillDisable: &kill}}
	if w := discard(all, h); len(w) != 1 || !strings.Contains(w[0], "OOM killer is disabled for the container, but no memory limit is set") {
		t.Error(w)
	}
}

func TestUlimits(t *testing.T) {
	f := setup(t, func(o *Options) { o.Ulimits = []string{"nofile=100:200", "core=0"} })
	list := f.rlimits(&runconfig.HostConfig{Resources: runconfig.Resources{Ulimits: []runconfig.Ulimit{{Name: "nofile", Soft: 50, Hard: 60}}}})
	want := []execdriver.Rlimit{{Name: "nofile", Soft: 50, Hard: 60}, {Name: "core"}}
	if !slices.Equal(list, want) {
		t.Errorf("%+v", list)
	}
}

func TestBlkioDevices(t *testing.T) {
	if _, _, err := blockDevice("/dev/null"); err == nil || !strings.Contains(err.Error(), "not a block device") {
		t.Error(err)
	}
	if _, _, err := blockDevice("/dev/no such"); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Error(err)
	}
	if _, err := os.Stat("/dev/vda"); err != nil {
		t.Skip("the host has no /dev/vda")
	}
	var r execdriver.Resources
	h := &runconfig.HostConfig{Resources: runconfig.Resources{BlkioDeviceWriteIOps: []runconfig.ThrottleDevice{{Path: "/dev/vda", Rate: 7}}}}
	if err := blkioDevices(h, &r); err != nil || len(r.BlkioDeviceWriteIOps) != 1 || r.BlkioDeviceWriteIOps[0].Rate != 7 ||
		r.BlkioDeviceWriteIOps[0].Major == 0 {
		t.Errorf("%+v %v", r, err)
	}
}
