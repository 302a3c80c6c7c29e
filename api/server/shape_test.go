package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/runconfig"
)

// samples are documents as the jobs write them.
func samples() map[string]any {
	at := time.Date(2024, 2, 3, 4, 5, 6, 7, time.UTC)
	hash := strings.Repeat("ab", 32)
	summary := api.ContainerSummary{
		Id: hash, Names: []string{"/web"}, Image: "sha256:" + hash, ImageID: "sha256:" + hash, Command: "sh", Created: 1,
		Ports: []api.ContainerPort{{PrivatePort: 80, Type: "tcp"}}, Labels: map[string]string{"a": "b"}, State: "running", Status: "Up",
	}
	inspect := api.ContainerInspect{
		Id: hash, Created: at, Name: "/web", Image: "sha256:" + hash, State: &api.ContainerState{
			Status: "running", Running: true, Health: &api.Health{Status: "healthy", Log: []api.HealthcheckResult{}},
		},
		HostConfig: &runconfig.HostConfig{NetworkMode: "bridge"}, Config: &runconfig.Config{Image: "busybox", MacAddress: "02:00:00:00:00:01"},
		NetworkSettings: &api.NetworkSettings{
			IPAddress: "172.17.0.2", SandboxID: "s", SandboxKey: "/k",
			Networks: map[string]*api.EndpointSettings{"bridge": {IPAddress: "172.17.0.2"}},
		},
		Mounts: []api.MountPoint{{Type: "bind", Source: "/src", Destination: "/dst", RW: true}}, GraphDriver: api.GraphDriverData{Name: "overlay"},
	}
	inspect.HostConfig.Memory, inspect.HostConfig.CpusetCpus = 4<<20, "0-1"
	image := api.ImageInspect{
		Id: "sha256:" + hash, Parent: "sha256:" + hash, RepoTags: []string{"a:b"}, Created: "2024-01-01T00:00:00Z", Size: 7,
		Config: &runconfig.Config{Cmd: runconfig.Strings{"sh"}, Env: []string{"A=b"}}, Architecture: "amd64", Os: "linux",
		RootFS: api.ImageRootFS{Type: "layers", Layers: []string{"sha256:" + hash}}, GraphDriver: api.GraphDriverData{Name: "overlay"},
	}
	network := api.Network{
		Name: "n", Id: hash, Created: at, Scope: "local", Driver: "bridge", EnableIPv4: true,
		IPAM:       api.IPAM{Driver: "default", Config: []api.IPAMConfig{{Subnet: "10.0.0.0/24", Gateway: "10.0.0.1"}}},
		Containers: map[string]api.NetworkContainer{hash: {Name: "web", IPv4Address: "10.0.0.2/24"}},
		Options:    map[string]string{}, Labels: map[string]string{"a": "b"},
	}
	return map[string]any{
		"networks":        []api.Network{network},
		"network_inspect": network,
		"containers":      []api.ContainerSummary{summary},
		"container_inspect": func(v version) any { // the job is told the version: tellInspect
			if v < v1(52) {
				return inspect
			}
			config := *inspect.Config
			config.MacAddress = ""
			since52 := inspect
			since52.Config = &config
			return struct {
				api.ContainerInspect
				NetworkSettings map[string]any
			}{since52, map[string]any{
				"SandboxID": "s", "SandboxKey": "/k", "Ports": nil, "Networks": inspect.NetworkSettings.Networks,
			}}
		},
		"images": func(v version) any { // the job is told the version: tellImages
			list := []api.ImageSummary{
				{Id: "sha256:" + hash, RepoTags: []string{"host:5000/a:b", "c:d"}, RepoDigests: []string{}, Size: 7, SharedSize: -1},
				{Id: "sha256:" + strings.Repeat("cd", 32), Size: 9, SharedSize: -1},
			}
			if v < v1(44) {
				list[0].VirtualSize, list[1].VirtualSize = 7, 9
			}
			if v < v1(43) {
				list[1].RepoTags, list[1].RepoDigests = []string{"<none>:<none>"}, []string{"<none>@<none>"}
			}
			return list
		},
		"image_inspect": image,
		"history":       []api.ImageHistory{{Id: "sha256:" + hash, CreatedBy: "sh"}, {Id: "<missing>"}},
		"image_delete":  []api.ImageDeleted{{Untagged: "a:b"}, {Deleted: "sha256:" + hash}},
		"info": api.SystemInfo{ID: "X", Debug: true, SecurityOptions: []string{"name=seccomp,profile=builtin"}, BridgeNfIptables: true,
			RegistryConfig: &api.RegistryConfig{}, FirewallBackend: &api.FirewallInfo{Driver: "nftables"}, CDISpecDirs: []string{}, InitBinary: "dockerinit"},
		"system_df": api.DiskUsage{
			LayersSize: 16,
			Images:     []api.ImageSummary{{Id: "sha256:" + hash, Size: 7, VirtualSize: 7, Containers: 1}, {Id: "sha256:" + strings.Repeat("cd", 32), Size: 9, VirtualSize: 9}},
			Containers: []api.ContainerSummary{summary},
			Volumes: []api.Volume{
				{Name: "used", Driver: "local", UsageData: &api.VolumeUsage{RefCount: 1, Size: 5}},
				{Name: "free", Driver: "local", UsageData: &api.VolumeUsage{Size: 3}},
				{Name: "far", Driver: "local", UsageData: &api.VolumeUsage{Size: -1}},
			},
			BuildCache: []api.BuildCache{
				{ID: "c1", Type: "exec.cachemount", Description: "used", InUse: true, Shared: true, Size: 11, UsageCount: 2},
				{ID: "c2", Type: "exec.cachemount", Description: "free", Size: 13},
			},
		},
		"version": api.SystemVersion{Version: "1.5", Components: []api.VersionComponent{{Name: "Engine"}}},
	}
}

// TestShapesAreAsStored compares every answer at every version where it changes
// with testdata/shapes. Set UPDATE=1 to store new ones, and read the difference.
func TestShapesAreAsStored(t *testing.T) {
	docs := samples()
	for _, row := range routes() {
		if len(row.reply.shapes) == 0 || row.path == "/containers/ps" {
			continue
		}
		borders := map[version]bool{oldest: true, newest: true}
		for _, s := range row.reply.shapes {
			for _, v := range []version{s.from, s.below} {
				if v != 0 && v <= newest {
					borders[v], borders[v-1] = true, true
				}
			}
		}
		for v := range borders {
			if v < oldest {
				continue
			}
			sample := docs[row.job]
			if of, ok := sample.(func(version) any); ok {
				sample = of(v)
			}
			body, err := json.Marshal(sample)
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%s-v%s.json", row.job, v)
			t.Run(name, func(t *testing.T) {
				b := newBench(t)
				b.fake(row.job, string(body)+"\n")
				path := strings.Replace(row.path, "{name:.+}", "x", 1)
				w := b.do(row.method, "/v"+v.String()+path, "")
				if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
					t.Fatalf("got %d %v %s", w.Code, w.Header(), w.Body)
				}
				compareGolden(t, filepath.Join("testdata", "shapes", name), w.Body.Bytes())
			})
		}
	}
}

func compareGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	doc, err := decodeAny(got)
	if err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	text, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != string(text) {
		t.Errorf("%s differs (%v), got:\n%s", path, err, text)
	}
}

func TestEventsByVersion(t *testing.T) {
	lines := `{"status":"kill","id":"c1","from":"busybox","Type":"container","Action":"kill","Actor":{"ID":"c1","Attributes":{"signal":"15"}},"scope":"local","time":1,"timeNano":1000000000}
{"Type":"network","Action":"connect","Actor":{"ID":"n1","Attributes":{}},"scope":"local","time":2,"timeNano":2000000000}
{"status":"delete","id":"sha256:12","Type":"image","Action":"delete","Actor":{"ID":"sha256:12","Attributes":{}},"scope":"local","time":3,"timeNano":3000000000}
`
	b := newBench(t) // one, as it remembers what it has edited
	b.fake("events", lines)
	for path, want := range map[string]string{
		"/v1.18/events": `{"status":"delete","id":"12","time":3}` + "\n",
		"/v1.19/events": `{"status":"kill","id":"c1","from":"busybox","time":1}
{"status":"delete","id":"12","time":3}
`,
		"/v1.21/events": `{"status":"kill","id":"c1","from":"busybox","time":1,"timeNano":1000000000}
{"status":"delete","id":"12","time":3,"timeNano":3000000000}
`,
		"/v1.40/events": lines,
		"/v1.55/events": `{"Type":"container","Action":"kill","Actor":{"ID":"c1","Attributes":{"signal":"15"}},"scope":"local","time":1,"timeNano":1000000000}
{"Type":"network","Action":"connect","Actor":{"ID":"n1","Attributes":{}},"scope":"local","time":2,"timeNano":2000000000}
{"Type":"image","Action":"delete","Actor":{"ID":"sha256:12","Attributes":{}},"scope":"local","time":3,"timeNano":3000000000}
`,
	} {
		for range 2 {
			if w := b.do("GET", path, ""); w.Body.String() != want {
				t.Errorf("%s: got %s", path, w.Body)
			}
		}
	}
}

// TestEventsMedia: what a stream of events is called, and how its records begin.
func TestEventsMedia(t *testing.T) {
	const line = `{"Type":"volume","Action":"create","Actor":{"ID":"v","Attributes":{}},"scope":"local","time":1,"timeNano":1}` + "\n"
	for _, c := range []struct{ version, accept, media, begin string }{
		{"1.55", "", "application/json", ""},
		{"1.55", "text/html", "application/json", ""},
		{"1.55", "application/jsonl;q=0.9", "application/jsonl", ""},
		{"1.52", "application/jsonl, application/x-ndjson", "application/x-ndjson", ""},
		{"1.52", "application/json-seq", "application/json-seq", "\x1e"},
		{"1.51", "application/json-seq", "application/json", ""},
	} {
		b := newBench(t)
		b.fake("events", line)
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v"+c.version+"/events", nil)
		r.Header.Set("Accept", c.accept)
		b.srv.Handler("").ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); got != c.media || w.Body.String() != c.begin+line {
			t.Errorf("%+v: %s, %q", c, got, w.Body)
		}
	}
}

func TestVersions(t *testing.T) {
	b := newBench(t)
	for path, want := range map[string]string{
		"/v1.5/_ping":                    "400 client version 1.5 is too old. Minimum supported API version is 1.6, please upgrade your client to a newer version\n",
		"/v0/_ping":                      "400 client version 0.0 is too old. Minimum supported API version is 1.6, please upgrade your client to a newer version\n",
		"/v1.56/_ping":                   "400 {\"message\":\"client version 1.56 is too new. Maximum supported API version is 1.55\"}\n",
		"/v99999999999999999999.1/_ping": "400 {\"message\":\"client version 65535.1 is too new. Maximum supported API version is 1.55\"}\n",
		"/v1.6/_ping":                    "200 OK", "/v1.55/_ping": "200 OK", "/_ping": "200 OK", "/v1.10.3/_ping": "200 OK",
	} {
		w := b.do("GET", path, "")
		if got := fmt.Sprintf("%d %s", w.Code, w.Body); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
