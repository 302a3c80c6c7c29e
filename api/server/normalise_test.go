package server

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if want == "" || got == "" {
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
		return
	}
	var a, b any
	if json.Unmarshal([]byte(got), &a) != nil || json.Unmarshal([]byte(want), &b) != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func TestCreateBodies(t *testing.T) {
	for _, c := range []struct {
		name, body, config, host, networking string
		v                                    version
		warnings                             int
	}{
		{"today", `{"Image":"a","HostConfig":{"AutoRemove":true},"NetworkingConfig":{"EndpointsConfig":{}}}`,
			`{"Image":"a","HostConfig":{"AutoRemove":true},"NetworkingConfig":{"EndpointsConfig":{}}}`, `{"AutoRemove":true}`, `{"EndpointsConfig":{}}`, newest, 0},
		{"today, nulls", `{"Image":"a","HostConfig":null}`, `{"Image":"a","HostConfig":null}`, "", "", v1(25), 0},
		{"limits in Config", `{"Image":"a","Memory":1,"MemorySwap":-1,"CpuShares":1,"Cpuset":"0","Privileged":true,"Dns":["1.1.1.1"],"VolumesFrom":"a,b:ro"}`,
			`{"Image":"a"}`, `{"Memory":1,"MemorySwap":-1,"CpuShares":2,"CpusetCpus":"0","Privileged":true,"Dns":["1.1.1.1"],"VolumesFrom":["a","b:ro"]}`, "", v1(9), 0},
		{"zeros move nothing", `{"Image":"a","Memory":0,"VolumesFrom":"","Dns":null,"Privileged":false}`, `{"Image":"a"}`, "", "", v1(9), 0},
		{"HostConfig wins", `{"Memory":1,"HostConfig":{"Memory":2,"LxcConf":[],"AutoRemove":true}}`, `{}`, `{"Memory":2}`, "", v1(18), 0},
		{"HostConfig spread out", `{"Image":"a","Binds":["/a:/b"],"NetworkMode":"none"}`, `{"Image":"a"}`, `{"Binds":["/a:/b"],"NetworkMode":"none"}`, "", v1(18), 0},
		{"loose types", `{"Image":7,"Cmd":"ls","Tty":"true","OpenStdin":0,"Memory":"12","Hostname":null,"Env":"A=b","Entrypoint":"sh"}`,
			`{"Image":"7","Cmd":["ls"],"Tty":true,"OpenStdin":false,"Env":["A=b"],"Entrypoint":["sh"]}`, `{"Memory":12}`, "", v1(15), 0},
		{"names without case", `{"image":"a","hostconfig":{"memory":3}}`, `{"Image":"a"}`, `{"Memory":3}`, "", v1(20), 0},
		{"port specs", `{"PortSpecs":["80","8080:81/udp"],"ExposedPorts":{"1/tcp":{}}}`, `{"ExposedPorts":{"1/tcp":{},"80/tcp":{},"81/udp":{}}}`, "", "", v1(6), 1},
		{"networks of 1.22", `{"Image":"a","NetworkingConfig":{"EndpointsConfig":{"n":{}}}}`, `{"Image":"a"}`, "", `{"EndpointsConfig":{"n":{}}}`, v1(22), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts, err := decodeCreate(c.v, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "Config", string(parts.config), c.config)
			same(t, "HostConfig", string(parts.host), c.host)
			same(t, "NetworkingConfig", string(parts.networking), c.networking)
			if len(parts.warnings) != c.warnings {
				t.Errorf("warnings %q", parts.warnings)
			}
			var config runconfig.Config
			if err := json.Unmarshal(parts.config, &config); err != nil {
				t.Errorf("Config: %v", err)
			}
			var host runconfig.HostConfig
			if parts.host != nil && json.Unmarshal(parts.host, &host) != nil {
				t.Errorf("HostConfig does not decode: %s", parts.host)
			}
		})
	}
}

func TestStartBodies(t *testing.T) {
	for body, want := range map[string]string{
		"": "", "{}": "", "null": "", `{"x":1}`: `{"x":1}`, `{"Binds":"/a:/b"}`: `{"Binds":["/a:/b"]}`,
		`{"HostConfig":{"Memory":"5"}}`: `{"Memory":5}`, `{"HostConfig":{}}`: "", `{"LxcConf":{"a":"b"},"Dns":["8.8.8.8"]}`: `{"Dns":["8.8.8.8"]}`,
	} {
		b := newBench(t)
		f := b.fake("start", "")
		w := b.do("POST", "/v1.12/containers/x/start", body)
		if w.Code != 204 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
			continue
		}
		same(t, body, f.Only(t).Env["HostConfig"], want)
	}
	b := newBench(t)
	b.fake("start", "")
	if w := b.do("POST", "/v1.24/containers/x/start", `{"Binds":["/a:/b"]}`); w.Code != 400 {
		t.Errorf("1.24 with a body: %d %s", w.Code, w.Body)
	}
	if w := b.do("POST", "/v1.24/containers/x/start", "{}"); w.Code != 204 {
		t.Errorf("1.24 with an empty object: %d %s", w.Code, w.Body)
	}
	b.eng.Replace("start", nil)
}

func TestFilters(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":["b"]}`: `{"a":["b"]}`, `{"a":{"b":true,"c":false}}`: `{"a":["b"]}`, `{}`: `{}`, `{"a":[]}`: `{"a":[]}`,
	} {
		got, err := decodeFilters(in)
		text, _ := json.Marshal(got)
		if err != nil || string(text) != want {
			t.Errorf("%s: got %s, %v", in, text, err)
		}
	}
	for _, in := range []string{"x", "[]", `{"a":1}`, `{"a":"b"}`, `{"a":[1]}`} {
		if _, err := decodeFilters(in); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// FuzzCreateBody: whatever a client sends, of whatever age, is taken apart into
// JSON or refused as InvalidArgument.
func FuzzCreateBody(f *testing.F) {
	f.Add(uint16(6), []byte(`{"Cmd":"ls","Memory":"1","PortSpecs":["80"],"HostConfig":{"Dns":"a"}}`))
	f.Add(uint16(18), []byte(`{"HostConfig":[],"ExposedPorts":null,"PortSpecs":[""]}`))
	f.Add(uint16(50), []byte(`[{"a":1}]`))
	f.Add(uint16(12), []byte(`null`))
	f.Fuzz(func(t *testing.T, minor uint16, body []byte) {
		parts, err := decodeCreate(v1(minor%56), body)
		if err != nil {
			if !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Fatalf("kind %v: %v", errdefs.KindOf(err), err)
			}
			return
		}
		if !json.Valid(parts.config) || parts.host != nil && !json.Valid(parts.host) {
			t.Fatalf("made %q and %q", parts.config, parts.host)
		}
		if _, err := decodeStart(v1(minor%24), body); err != nil && !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Fatalf("start: kind %v: %v", errdefs.KindOf(err), err)
		}
	})
}

// FuzzTarget: no path or query makes the server panic or stay silent.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"/v1.40/containers/json?filters={}", "/containers//json", "/v./images/%2e%2e/json", "/v1.9999999/x?a=%zz;b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		v, rest, _ := splitVersion(target)
		_ = checkVersion(v)
		_ = cleanPath(rest)
		if len(rest) > len(target) {
			t.Fatal("a path grew")
		}
	})
}
