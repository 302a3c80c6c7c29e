package client

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/enginejobs/docker/api"
)

func TestUpdate(t *testing.T) {
	d := newFake(t)
	var body map[string]any
	d.routes["POST /containers/web/update"] = func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&body)
		answer(api.ContainerUpdated{Warnings: []string{"be careful"}})(w, r)
	}
	docker(t, d, "", "update web").want(t, 1, "", "You must provide one or more flags when using this command.\n")
	docker(t, d, "", "update -m 32m --memory-swap -1 --cpus 1.5 --pids-limit 9 --restart on-failure:3 web").
		want(t, 0, "web\n", "WARNING: be careful\n")
	policy, _ := body["RestartPolicy"].(map[string]any)
	if body["Memory"] != 32.0*(1<<20) || body["MemorySwap"] != -1.0 || body["NanoCpus"] != 1.5e9 || body["PidsLimit"] != 9.0 ||
		policy["Name"] != "on-failure" || policy["MaximumRetryCount"] != 3.0 {
		t.Errorf("%v", body)
	}
	docker(t, d, "", "update -c 5 web nobody").want(t, 1, "web\n",
		"WARNING: be careful\nError response from daemon: No such thing: /containers/nobody/update\nError: failed to update container named nobody\n")
	docker(t, d, "", "update --restart never web").want(t, 1, "", "invalid restart policy never\n")
}
