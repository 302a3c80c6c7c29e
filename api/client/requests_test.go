package client

import (
	"archive/tar"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
)

// What the flags of today become on the wire.
func TestPlatformRequests(t *testing.T) {
	d := newFake(t)
	d.routes["GET /images/box/history"] = answer([]api.ImageHistory{})
	d.routes["GET /images/box/json"] = answer(map[string]string{"Id": "x"})
	d.routes["DELETE /images/box"] = answer([]api.ImageDeleted{})
	d.routes["GET /images/get"] = answer(nil)
	for line, want := range map[string]string{
		"history -q --platform Linux/amd64 box":                 `GET /images/box/history {"platform":["{\"architecture\":\"amd64\",\"os\":\"linux\"}"]}`,
		"image inspect --platform linux/arm/v7 box":             `GET /images/box/json {"platform":["{\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v7\"}"]}`,
		"rmi --platform linux/amd64 --platform linux/arm64 box": `DELETE /images/box {"platforms":["{\"architecture\":\"amd64\",\"os\":\"linux\"}","{\"architecture\":\"arm64\",\"os\":\"linux\"}"]}`,
		"save --platform linux/amd64 box":                       `GET /images/get {"names":["box"],"platform":["{\"architecture\":\"amd64\",\"os\":\"linux\"}"]}`,
	} {
		docker(t, d, "", line)
		if seen := d.log(); want != "" && seen[len(seen)-1] != want {
			t.Errorf("%s: %s\nwant %s", line, seen[len(seen)-1], want)
		}
	}
	docker(t, d, "", "history --platform amd64 box").want(t, 1, "", `invalid platform "amd64": it is os/architecture or os/architecture/variant`+"\n")
}

// A container that gets the socket gets the credentials, too.
func TestUseAPISocket(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"auths":{"reg:5000":{"auth":"YTpi"}},"psFormat":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newFake(t)
	var body struct {
		Env        []string
		HostConfig struct {
			Mounts []struct{ Type, Source, Target string }
		}
	}
	d.routes["POST /containers/create"] = func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		answer(api.ContainerCreated{Id: testID})(w, r)
	}
	files := map[string]string{}
	d.routes["PUT /containers/"+testID+"/archive"] = func(_ http.ResponseWriter, r *http.Request) {
		for in := tar.NewReader(r.Body); ; {
			h, err := in.Next()
			if err != nil {
				return
			}
			text, _ := io.ReadAll(in)
			files[h.Name] = string(text)
		}
	}
	d.routes["GET /version"] = answer(api.SystemVersion{ApiVersion: api.Version})
	docker(t, d, "", "--config "+dir+" create --use-api-socket img").want(t, 0, testID+"\n", "")
	if m := body.HostConfig.Mounts; len(m) != 1 || m[0].Type != "bind" || m[0].Source != d.socket || m[0].Target != "/var/run/docker.sock" {
		t.Errorf("%+v", m)
	}
	if strings.Join(body.Env, " ") != "DOCKER_CONFIG=/run/secrets/docker" || files["run/secrets/docker/config.json"] != `{"auths":{"reg:5000":{"auth":"YTpi"}}}` {
		t.Errorf("%q %q", body.Env, files)
	}
	clear(files)
	docker(t, d, "", "--config "+dir+" create --use-api-socket -e DOCKER_CONFIG=/mine img").want(t, 0, testID+"\n", "")
	if len(files) != 0 || strings.Join(body.Env, " ") != "DOCKER_CONFIG=/mine" {
		t.Errorf("%q %q", body.Env, files)
	}
	docker(t, nil, "", "-H tcp://127.0.0.1:1 create --use-api-socket img").want(t, 1, "",
		"flag --use-api-socket can only be used with unix sockets: docker endpoint tcp://127.0.0.1:1 incompatible\n")
}
