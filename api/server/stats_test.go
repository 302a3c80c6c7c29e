package server

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
)

// statsSample is a line of the job.
func statsSample(t *testing.T) string {
	t.Helper()
	s := api.Stats{
		Name: "/box", Id: "4f", Read: time.Unix(1, 0).UTC(), PidsStats: api.PidsStats{Current: 2},
		CPUStats:    api.CPUStats{CPUUsage: api.CPUUsage{Total: 18446744073709551615, PerCPU: []uint64{5, 6}}, SystemUsage: 7, OnlineCPUs: 2},
		MemoryStats: api.MemoryStats{Usage: 10, Limit: 20, Stats: map[string]uint64{"cache": 3}},
		BlkioStats:  api.BlkioStats{ServiceBytes: []api.BlkioEntry{{Major: 8, Op: "Read", Value: 5}}},
		Networks:    map[string]api.NetworkStats{"eth0": {RxBytes: 1, TxBytes: 2}, "eth1": {RxBytes: 10, TxDropped: 4}},
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func TestStatsShapes(t *testing.T) {
	for _, c := range []struct{ version, has, lacks string }{
		{"v1.51", `"networks":{"eth0":{ "id":"4f" "online_cpus":2 "precpu_stats" "pids_stats":{"current":2} 18446744073709551615`, `"network":`},
		{"v1.26", `"networks" "name":"/box" "preread"`, `online_cpus`},
		{"v1.24", `"networks" "pids_stats" "max_usage":0 "failcnt":0`, `"preread" "storage_stats" "num_procs" "name"`},
		{"v1.22", `"networks"`, `"pids_stats"`},
		{"v1.20", `"network":{"rx_bytes":11, "tx_bytes":2 "tx_dropped":4 "precpu_stats" "io_merged_recursive":[]`, `"networks"`},
		{"v1.18", `"network":{ "percpu_usage":[5,6] "total_usage":18446744073709551615`, `"precpu_stats"`},
	} {
		b := newBench(t)
		line := statsSample(t)
		f := b.fake("container_stats", line+line)
		w := b.do("GET", "/"+c.version+"/containers/box/stats", "")
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || strings.Count(w.Body.String(), "\n") != 2 {
			t.Errorf("%s: %d %v %s", c.version, w.Code, w.Header(), w.Body)
		}
		for _, want := range strings.Fields(c.has) {
			if !strings.Contains(w.Body.String(), strings.TrimSuffix(want, ",")) {
				t.Errorf("%s: no %s in %s", c.version, want, w.Body)
			}
		}
		for _, no := range strings.Fields(c.lacks) {
			if strings.Contains(w.Body.String(), no) {
				t.Errorf("%s: %s in %s", c.version, no, w.Body)
			}
		}
		if calls := f.Calls(); len(calls) != 1 || calls[0].Env["stream"] != "1" {
			t.Errorf("%s: %+v", c.version, calls)
		}
	}
}

func TestStatsParameters(t *testing.T) {
	for _, c := range []struct {
		path, stream, oneShot, stopped string
		code                           int
	}{
		{"/v1.51/containers/box/stats", "1", "0", "1", 200},
		{"/v1.51/containers/box/stats?stream=0", "0", "0", "1", 200},
		{"/v1.51/containers/box/stats?stream=false&one-shot=true", "0", "1", "1", 200},
		{"/v1.51/containers/box/stats?one-shot=1", "", "", "", 400},
		{"/v1.20/containers/box/stats?stream=0&one-shot=1", "0", "0", "0", 200},
		{"/v1.18/containers/box/stats?stream=0", "1", "0", "0", 200},
	} {
		b := newBench(t)
		f := b.fake("container_stats", statsSample(t))
		w := b.do("GET", c.path, "")
		if w.Code != c.code {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
		if calls := f.Calls(); c.code == 200 && (len(calls) != 1 || calls[0].Env["stream"] != c.stream ||
			calls[0].Env["one_shot"] != c.oneShot || calls[0].Env["stopped"] != c.stopped) {
			t.Errorf("%s: %+v", c.path, calls)
		}
	}
}

func TestUpdate(t *testing.T) {
	b := newBench(t)
	f := b.fake("container_update", `{"Warnings":[]}`+"\n")
	w := b.do("POST", "/v1.51/containers/box/update", `{"Memory": 5, "RestartPolicy": {"Name": "always"}}`)
	if w.Code != 200 || w.Body.String() != `{"Warnings":[]}`+"\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = b.do("POST", "/v1.22/containers/box/update", `{"Memory": 5, "RestartPolicy": {"Name": "always"}}`)
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, bad := range []string{"", "[]", "{", `{"Memory": 5} x`} {
		if w := b.do("POST", "/v1.51/containers/box/update", bad); w.Code != 400 {
			t.Errorf("%q: %d %s", bad, w.Code, w.Body)
		}
	}
	calls := f.Calls()
	if len(calls) != 2 || !strings.Contains(calls[0].Env["UpdateConfig"], "always") || strings.Contains(calls[1].Env["UpdateConfig"], "always") {
		t.Errorf("%+v", calls)
	}
}
