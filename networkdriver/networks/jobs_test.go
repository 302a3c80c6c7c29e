package networks_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver/null"
)

// bus is an engine whose networks are books only.
func bus(t *testing.T, root string) *engine.Engine {
	t.Helper()
	eng := enginetest.New(t)
	if err := null.Install(eng); err != nil {
		t.Fatal(err)
	}
	job := eng.Job("init_networkdriver")
	job.Setenv("BridgeIface", "ejtnull")
	job.Setenv("BridgeIP", "10.201.0.1/24")
	job.Setenv("Root", root)
	job.SetenvList("DefaultAddressPools", []string{"base=10.202.0.0/16,size=24"})
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	return eng
}

func createJob(eng *engine.Engine, name string, req api.NetworkCreateRequest) (out api.NetworkCreated, err error) {
	job := eng.Job("network_create", name)
	if err := job.SetenvJson("Spec", req); err != nil {
		return out, err
	}
	return out, job.OutputJSON(&out)
}

func listJob(t *testing.T, eng *engine.Engine, filters string) (names []string) {
	t.Helper()
	job := eng.Job("networks")
	job.Setenv("filters", filters)
	var list []api.Network
	if err := job.OutputJSON(&list); err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		names = append(names, n.Name)
	}
	return names
}

func TestJobs(t *testing.T) {
	root := t.TempDir()
	eng := bus(t, root)
	yes := true
	made, err := createJob(eng, "front", api.NetworkCreateRequest{
		EnableIPv6: &yes, Labels: map[string]string{"tier": "front"},
		IPAM: &api.IPAM{Config: []api.IPAMConfig{
			{Subnet: "10.202.5.0/24", IPRange: "10.202.5.128/25", Gateway: "10.202.5.9", AuxiliaryAddresses: map[string]string{"nas": "10.202.5.129"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var shown api.Network
	if err := eng.Job("network_inspect", made.Id[:10]).OutputJSON(&shown); err != nil {
		t.Fatal(err)
	}
	if shown.Name != "front" || shown.Scope != "local" || !shown.EnableIPv6 || len(shown.IPAM.Config) != 2 ||
		shown.IPAM.Config[0].Gateway != "10.202.5.9" || shown.IPAM.Config[0].IPRange != "10.202.5.128/25" || shown.Labels["tier"] != "front" {
		t.Errorf("inspect: %+v", shown)
	}
	var got struct{ IP, Gateway, NetworkName, InterfaceName string }
	job := eng.Job("allocate_interface", "c")
	job.Setenv("Network", "front")
	if err := job.OutputJSON(&got); err != nil || got.IP != "10.202.5.128" || got.Gateway != "10.202.5.9" || got.NetworkName != "front" {
		t.Errorf("allocate_interface: %+v, %v", got, err)
	}
	wantKind(t, eng.Job("network_rm", "front").Run(), errdefs.KindForbidden, "has active endpoints")
	if err := eng.Job("release_interface", "c").Run(); err != nil {
		t.Error(err)
	}
	for filters, want := range map[string]string{
		"": "[bridge front host none]", `{"type":["custom"]}`: "[front]", `{"label":["tier=front"]}`: "[front]",
		`{"driver":["null"]}`: "[none]", `{"name":["o"]}`: "[front host none]", `{"dangling":["true"]}`: "[front]", `{"scope":["swarm"]}`: "[]",
	} {
		if list := fmt.Sprint(listJob(t, eng, filters)); list != want {
			t.Errorf("%s: %s, want %s", filters, list, want)
		}
	}
	job = eng.Job("networks")
	job.Setenv("filters", `{"type":["odd"]}`)
	wantKind(t, job.Run(), errdefs.KindInvalidArgument, "type")
	job = eng.Job("network_create", "odd")
	job.Setenv("Spec", `{"Name":`)
	wantKind(t, job.Run(), errdefs.KindInvalidArgument, "")
	wantKind(t, eng.Job("network_rm", "odd").Run(), errdefs.KindNotFound, "network odd not found")
	var pruned api.NetworksPruned
	if err := eng.Job("networks_prune").OutputJSON(&pruned); err != nil || fmt.Sprint(pruned.NetworksDeleted) != "[front]" {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	wantKind(t, eng.Job("network_inspect", "front").Run(), errdefs.KindNotFound, "network front not found")
}

// TestJobsAtOnce lets 500 jobs come from everywhere; every address is given once.
func TestJobsAtOnce(t *testing.T) {
	eng := bus(t, t.TempDir())
	for i := range 3 {
		req := api.NetworkCreateRequest{IPAM: &api.IPAM{Config: []api.IPAMConfig{{Subnet: fmt.Sprintf("10.203.%d.0/21", i*8)}}}}
		if _, err := createJob(eng, fmt.Sprint("n", i), req); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]string{}
	for c := range 500 {
		all.Go(func() {
			id, network := fmt.Sprint("c", c/2), fmt.Sprint("n", (c+c/2)%3)
			job := eng.Job("allocate_interface", id)
			job.Setenv("Network", network)
			out, err := job.Output()
			var got struct{ IP string }
			if err = errors.Join(err, json.Unmarshal(out, &got)); err != nil {
				t.Errorf("%s on %s: %v", id, network, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[got.IP] != "" {
				t.Errorf("%s and %s both have %s", seen[got.IP], id, got.IP)
			}
			seen[got.IP] = id
		})
	}
	all.Wait()
	for c := range 250 {
		all.Go(func() {
			if err := eng.Job("release_interface", fmt.Sprint("c", c)).Run(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var pruned api.NetworksPruned
	if err := eng.Job("networks_prune").OutputJSON(&pruned); err != nil || len(pruned.NetworksDeleted) != 3 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
}
