package client

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
)

func sampleStats(cpu, system uint64) api.Stats {
	s := api.Stats{
		Name: "/web", Id: testID, Read: time.Unix(5, 0), PidsStats: api.PidsStats{Current: 3},
		CPUStats:    api.CPUStats{CPUUsage: api.CPUUsage{Total: cpu}, SystemUsage: system, OnlineCPUs: 2},
		MemoryStats: api.MemoryStats{Usage: 3 << 20, Limit: 8 << 20, Stats: map[string]uint64{"total_inactive_file": 1 << 20}},
		Networks:    map[string]api.NetworkStats{"eth0": {RxBytes: 1000, TxBytes: 5}, "eth1": {RxBytes: 500}},
		BlkioStats: api.BlkioStats{ServiceBytes: []api.BlkioEntry{
			{Op: "Read", Value: 1}, {Op: "Write", Value: 2000}, {Op: "Sync", Value: 7}, {Op: "Total", Value: 2001}, {Op: "read", Value: 1},
		}},
	}
	s.PreCPUStats = api.CPUStats{CPUUsage: api.CPUUsage{Total: 100}, SystemUsage: 1000}
	return s
}

func TestStats(t *testing.T) {
	d := newFake(t)
	d.routes["GET /containers/json"] = answer([]api.ContainerSummary{{Id: testID}})
	d.routes["GET /containers/"+testID+"/stats"] = answer(sampleStats(300, 1800))
	d.routes["GET /containers/web/stats"] = answer(sampleStats(300, 1800))
	want := "CONTAINER           CPU %               MEM USAGE / LIMIT   MEM %               NET I/O             BLOCK I/O           PIDS\n" +
		testID[:12] + "        50.00%              2 MiB / 8 MiB       25.00%              1.5 kB / 5 B        2 B / 2 kB          3\n"
	docker(t, d, "", "stats --no-stream").want(t, 0, want, "")
	docker(t, d, "", "stats --no-stream --format {{.Container}}_{{.Name}}_{{.ID}} web").want(t, 0, "web_web_"+testID[:12]+"\n", "")
	docker(t, d, "", "stats --no-stream --no-trunc --format {{.Container}}").want(t, 0, testID+"\n", "")

	r := docker(t, d, "", "stats --no-stream --format json web")
	var row map[string]string
	if err := json.Unmarshal([]byte(r.out), &row); err != nil || row["CPUPerc"] != "50.00%" || row["MemUsage"] != "2MiB / 8MiB" {
		t.Errorf("%s: %v", r.out, err)
	}
	docker(t, d, "", "stats --no-stream web nobody").want(t, 1, "", "nobody: Error response from daemon: No such thing: /containers/nobody/stats\n")
}

// TestStatsStreams: samples come, the table is drawn until the last one has gone.
func TestStatsStreams(t *testing.T) {
	d := newFake(t)
	d.routes["GET /containers/web/stats"] = func(w http.ResponseWriter, r *http.Request) {
		for range 2 {
			_ = json.NewEncoder(w).Encode(sampleStats(300, 1800))
			w.(http.Flusher).Flush()
			time.Sleep(700 * time.Millisecond)
		}
	}
	r := docker(t, d, "", "stats --format {{.Name}}={{.PIDs}} web")
	if n := strings.Count(r.out, "web=3\n"); r.code != 0 || n < 2 || n > 3 {
		t.Errorf("%d: %q %q", r.code, r.out, r.err)
	}
}

func TestStatsRow(t *testing.T) {
	var none statsRow
	if none.CPUPerc() != "--" || none.MemUsage() != "-- / --" || none.Name() != "--" || none.PIDs() != "--" {
		t.Error("before the first sample")
	}
	empty := statsRow{s: &api.Stats{}}
	if empty.CPUPerc() != "0.00%" || empty.MemPerc() != "0.00%" || empty.MemUsage() != "0B / 0B" || empty.NetIO() != "0B / 0B" {
		t.Error("of one that does not run", empty.CPUPerc(), empty.MemPerc(), empty.MemUsage(), empty.NetIO())
	}
	s := sampleStats(50, 2000)
	back := statsRow{s: &s}
	if back.CPUPerc() != "0.00%" {
		t.Error("a counter that went back", back.CPUPerc())
	}
	s = sampleStats(300, 1800)
	s.CPUStats.OnlineCPUs, s.CPUStats.CPUUsage.PerCPU = 0, []uint64{1, 2, 3, 4}
	s.MemoryStats.Stats = map[string]uint64{"inactive_file": 2 << 20}
	old := statsRow{s: &s}
	if old.CPUPerc() != "100.00%" || old.MemUsage() != "1MiB / 8MiB" {
		t.Error(old.CPUPerc(), old.MemUsage())
	}
	old.stale = true
	if old.CPUPerc() != "0.00%" || old.MemPerc() != "0.00%" {
		t.Error("without news", old.CPUPerc(), old.MemPerc())
	}
}
