package client

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/dockerversion"
)

func TestVersion(t *testing.T) {
	d := newFake(t)
	v := api.SystemVersion{Version: "9", ApiVersion: "1.55", MinAPIVersion: "1.6", GoVersion: "go1", GitCommit: "abc", Os: "linux", Arch: "amd64",
		BuildTime: "2025-05-30T12:07:14.000000000+00:00"}
	v.Platform.Name = "Docker Engine - X"
	v.Components = []api.VersionComponent{{Name: "Engine", Version: "9"}, {Name: "init", Version: "2", Details: map[string]string{"GitCommit": "def"}}}
	d.routes["GET /version"] = answer(v)
	r := docker(t, d, "", "version")
	client, server, _ := strings.Cut(r.out, "\n\n")
	if !strings.HasPrefix(client, "Client:\n Version:           "+dockerversion.Version+"\n API version:       "+api.Version+"\n") ||
		!strings.HasSuffix(client, "\n Context:           default") {
		t.Errorf("client %q", client)
	}
	const want = "Server: Docker Engine - X\n Engine:\n  Version:          9\n  API version:      1.55 (minimum version 1.6)\n" +
		"  Go version:       go1\n  Git commit:       abc\n  Built:            Fri May 30 12:07:14 2025\n  OS/Arch:          linux/amd64\n" +
		"  Experimental:     false\n init:\n  Version:          2\n  GitCommit:        def\n"
	if server != want {
		t.Errorf("server %q", server)
	}
	for _, c := range [][2]string{
		{"{{.Server.Version}}/{{.Client.ApiVersion}}", "9/" + api.Version},
		{"{{.Server.APIVersion}}/{{.Server.ApiVersion}}/{{.Client.APIVersion}}", "1.55/1.55/" + api.Version},
		{"{{.Server.Platform.Name}}", "Docker Engine - X"},
	} {
		docker(t, d, "", "version -f "+c[0]).want(t, 0, c[1]+"\n", "")
	}
	gone := docker(t, nil, "", "-H unix:///nonexistent/s version")
	if gone.code != 1 || !strings.HasPrefix(gone.out, "Client:\n") || !strings.HasPrefix(gone.err, "Cannot connect to the Docker daemon") {
		t.Errorf("without a daemon: %+v", gone)
	}
	d.routes["GET /version"] = answer(api.SystemVersion{Version: "1.6.2", ApiVersion: "1.18", Os: "linux", Arch: "amd64"})
	if r := docker(t, d, "", "version"); !strings.Contains(r.out, "\nServer:\n Engine:\n  Version:          1.6.2\n  API version:      1.18\n") {
		t.Errorf("an old server: %q", r.out)
	}
}

func TestInfo(t *testing.T) {
	d := newFake(t)
	d.routes["GET /info"] = answer(api.SystemInfo{
		Containers: 2, Images: 1, Driver: "overlay", DriverStatus: [][2]string{{"Dirs", "7"}}, ServerVersion: "9",
		Plugins: api.InfoPlugins{Volume: []string{"local"}, Network: []string{"bridge", "host"}, Log: []string{"json-file"}},
		NCPU:    2, MemTotal: 3 << 30, Labels: []string{"a=b"}, Debug: true, NFd: 12, Swarm: api.SwarmInfo{LocalNodeState: "inactive"},
		Runtimes: map[string]api.Runtime{"native": {}}, DefaultRuntime: "native", InitBinary: "dockerinit",
		SecurityOptions: []string{"name=seccomp,profile=builtin", "name=cgroupns"}, HttpProxy: "http://p",
		RegistryConfig: &api.RegistryConfig{InsecureRegistryCIDRs: []string{"127.0.0.0/8"}, Mirrors: []string{"http://m/"},
			IndexConfigs: map[string]api.IndexInfo{"docker.io": {Secure: true}, "r:5000": {}}},
		DefaultAddressPools: []api.AddressPool{{Base: "10.0.0.0/8", Size: 24}}, FirewallBackend: &api.FirewallInfo{Driver: "nftables"},
		Warnings: []string{"WARNING: No swap limit support: do this"},
	})
	r := docker(t, d, "", "info")
	_, server, _ := strings.Cut(r.out, "\n\n")
	const want = `Server:
 Containers: 2
  Running: 0
  Paused: 0
  Stopped: 0
 Images: 1
 Server Version: 9
 Storage Driver: overlay
  Dirs: 7
 Plugins:
  Volume: local
  Network: bridge host
  Log: json-file
 Swarm: inactive
 Runtimes: native
 Default Runtime: native
 Init Binary: dockerinit
 Security Options:
  seccomp
   Profile: builtin
  cgroupns
 CPUs: 2
 Total Memory: 3GiB
 Debug Mode: true
  File Descriptors: 12
  Goroutines: 0
  System Time: 
  EventsListeners: 0
 HTTP Proxy: http://p
 Labels:
  a=b
 Experimental: false
 Insecure Registries:
  r:5000
  127.0.0.0/8
 Registry Mirrors:
  http://m/
 Live Restore Enabled: false
 Default Address Pools:
   Base: 10.0.0.0/8, Size: 24
 Firewall Backend: nftables

`
	if server != want {
		t.Errorf("got %s", server)
	}
	if r.err != "WARNING: No swap limit support: do this\n" {
		t.Errorf("stderr %q", r.err)
	}
	docker(t, d, "", "info -f {{.HTTPProxy}}{{.HttpProxy}}{{.CPUCfsQuota}}{{.ClientInfo.Debug}}").want(t, 0, "http://phttp://pfalsefalse\n", "")
}

// TestInfoOfOldServer: below 1.19 truth is a number, and warnings are the client's.
func TestInfoOfOldServer(t *testing.T) {
	d := newFake(t)
	d.version = "1.18"
	d.routes["GET /info"] = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Containers":2,"Debug":1,"MemoryLimit":1,"SwapLimit":0,"IPv4Forwarding":1,"ExecutionDriver":"native-0.2"}`)
	}
	r := docker(t, d, "", "info")
	if r.code != 0 || !strings.Contains(r.out, "\n Execution Driver: native-0.2\n") || !strings.Contains(r.out, "\n Debug Mode: true\n") ||
		r.err != "WARNING: No swap limit support\n" {
		t.Errorf("%+v", r)
	}
}

func TestEventsOutput(t *testing.T) {
	d := newFake(t)
	d.routes["GET /events"] = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"name":"web","image":"img"}},"timeNano":1000000005}`+"\n"+
			`{"Type":"image","Action":"pull","Actor":{"ID":"img:1"},"time":2}`+"\n"+
			`{"status":"die","id":"c2","from":"old","time":4}`+"\n"+
			`{"status":"untag","id":"i2","time":5}`+"\n")
	}
	at := func(s, n int64) string { return time.Unix(s, n).Format(eventTime) }
	docker(t, d, "", "events --since 1 --until 2020-01-02T03:04:05Z -f event=start").want(t, 0,
		at(1, 5)+" container start c1 (image=img, name=web)\n"+at(2, 0)+" image pull img:1\n"+
			at(4, 0)+" c2: (from old) die\n"+at(5, 0)+" i2: untag\n", "")
	if got := d.log()[0]; got != `GET /events {"filters":["{\"event\":[\"start\"]}"],"since":["1"],"until":["1577934245"]}` {
		t.Errorf("request %q", got)
	}
	docker(t, d, "", "events --format {{.Action}}").want(t, 0, "start\npull\n\n\n", "")
}
