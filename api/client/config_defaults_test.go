package client

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/enginejobs/docker/api"
)

// What config.json says counts where the command line says nothing.
func TestConfiguredDefaults(t *testing.T) {
	dir := t.TempDir()
	d := newFake(t)
	config, err := json.Marshal(map[string]any{
		"detachKeys": "ctrl-a,b", "HttpHeaders": map[string]string{"X-Meta": "one", "User-Agent": "mine"},
		"proxies": map[string]any{
			"default":            map[string]string{"httpProxy": "http://default"},
			"unix://" + d.socket: map[string]string{"httpProxy": "http://p:1", "noProxy": "local"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	var env []string
	var keys, meta, agent string
	d.routes["POST /containers/create"] = func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Env []string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		env, meta, agent = body.Env, r.Header.Get("X-Meta"), r.UserAgent()
		answer(api.ContainerCreated{Id: testID})(w, r)
	}
	d.routes["POST /containers/c/exec"] = func(w http.ResponseWriter, r *http.Request) {
		var body api.ExecCreate
		_ = json.NewDecoder(r.Body).Decode(&body)
		keys = body.DetachKeys
		answer(map[string]string{"Id": "e"})(w, r)
	}
	flag := "--config " + dir + " "
	docker(t, d, "", flag+"create -e http_proxy=own -e A=1 img").want(t, 0, testID+"\n", "")
	if want := []string{"http_proxy=own", "A=1", "HTTP_PROXY=http://p:1", "NO_PROXY=local", "no_proxy=local"}; !slices.Equal(env, want) {
		t.Errorf("%q, want %q", env, want)
	}
	if meta != "one" || agent == "mine" {
		t.Errorf("headers %q, %q", meta, agent)
	}
	docker(t, d, "", flag+"exec -d c true")
	if keys != "ctrl-a,b" {
		t.Errorf("detach keys %q", keys)
	}
	docker(t, d, "", flag+"exec -d --detach-keys ctrl-x c true")
	if keys != "ctrl-x" {
		t.Errorf("detach keys %q", keys)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	docker(t, d, "", flag+"create img").want(t, 0, testID+"\n",
		"WARNING: Error loading config file: reading "+dir+"/config.json: unexpected end of JSON input\n")
}
