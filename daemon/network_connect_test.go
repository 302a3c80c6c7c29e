package daemon

import (
	"os"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// A container of one network has a name server, and its names go with its
// interface.
func TestNetworkOfItsOwn(t *testing.T) {
	f := setup(t)
	id := f.create("web", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) {
		h.NetworkMode, h.Links = "id-one", []string{"db:store"}
	})
	f.run("start", "web")
	got := f.inspect("web")
	e := got.NetworkSettings.Networks["one"]
	if e == nil || e.IPAddress == "" || e.NetworkID != "id-one" || len(e.EndpointID) != 64 || got.NetworkSettings.IPAddress != "" || got.HostConfig.NetworkMode != "one" {
		t.Fatalf("%+v %+v", e, got.NetworkSettings)
	}
	asked := f.net.last()
	for key, want := range map[string]string{"Network": "one", "Names": `["web","` + id[:12] + `"]`, "Links": `{"store":"db"}`} {
		if asked[key] != want {
			t.Errorf("%s=%q, want %q", key, asked[key], want)
		}
	}
	if !strings.Contains(asked["Resolver"], "Upstreams") {
		t.Errorf("%q", asked["Resolver"])
	}
	text, err := os.ReadFile(got.ResolvConfPath)
	if err != nil || !strings.Contains(string(text), "nameserver 127.0.0.11\n") || !strings.Contains(string(text), "ndots:0") {
		t.Errorf("%s %v", text, err)
	}
	f.run("container_rename", "web", "shop")
	f.net.mu.Lock()
	named := f.net.named
	f.net.mu.Unlock()
	if len(named) != 1 || named[0]["Network"] != "one" || named[0]["Names"] != `["shop","`+id[:12]+`"]` {
		t.Errorf("%v", named)
	}
}

// A network that does not exist stops the start, and no more than that.
func TestNetworkThatIsNotThere(t *testing.T) {
	f := setup(t)
	f.create("web", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.NetworkMode = "later" })
	err := f.fails(errdefs.KindNotFound, f.eng.Job("start", "web"))
	if !strings.Contains(err.Error(), "network later not found") {
		t.Error(err)
	}
	f.run("rm", "web")
	f.empty()
}

func TestNetworkConnect(t *testing.T) {
	f := setup(t)
	f.create("web", "sleep 60")
	f.create("idle", "true")
	f.create("far", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.NetworkMode = "host" })
	f.create("lone", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.NetworkMode = "none" })
	f.create("guest", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.NetworkMode = "container:web" })
	f.run("start", "web")
	f.events.take()

	for _, c := range []struct {
		kind               errdefs.Kind
		network, container string
	}{
		{errdefs.KindNotFound, "nowhere", "web"}, {errdefs.KindNotFound, "one", "nobody"}, {errdefs.KindForbidden, "host", "web"},
		{errdefs.KindForbidden, "one", "far"}, {errdefs.KindForbidden, "one", "lone"}, {errdefs.KindForbidden, "one", "guest"},
		{errdefs.KindForbidden, "bridge", "web"},
	} {
		f.fails(c.kind, f.eng.Job("network_connect", c.network, c.container))
	}
	job := f.eng.Job("network_connect", "bridge", "idle")
	job.Setenv("EndpointConfig", `{"IPAMConfig":{"IPv4Address":"10.0.0.1"}}`)
	f.fails(errdefs.KindForbidden, job)
	job = f.eng.Job("network_connect", "one", "idle")
	job.Setenv("EndpointConfig", `{"IPAMConfig":{"IPv4Address":"fd00::1"}}`)
	f.fails(errdefs.KindInvalidArgument, job)

	job = f.eng.Job("network_connect", "id-one", "web")
	job.Setenv("EndpointConfig", `{"Aliases":["www"],"GwPriority":7}`)
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	asked := f.net.last()
	if asked["Network"] != "one" || asked["GwPriority"] != "7" || !strings.Contains(asked["Names"], `"www"`) || !strings.HasSuffix(asked["Sandbox"], "/ns/net") {
		t.Errorf("%v", asked)
	}
	got := f.inspect("web")
	e := got.NetworkSettings.Networks["one"]
	if len(got.NetworkSettings.Networks) != 2 || e == nil || e.IPAddress == "" || e.GwPriority != 7 {
		t.Errorf("%+v", got.NetworkSettings.Networks)
	}
	for path, want := range map[string]string{got.HostsPath: e.IPAddress, got.ResolvConfPath: nameServer} {
		if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s %v", path, text, err)
		}
	}
	f.fails(errdefs.KindForbidden, f.eng.Job("network_connect", "one", "web"))
	f.run("network_connect", "two", "idle")
	if e := f.inspect("idle").NetworkSettings.Networks["two"]; e == nil || e.IPAddress != "" {
		t.Errorf("%+v", e)
	}
	if ev := f.events.take(); ev != "connect" {
		t.Errorf("events %q", ev)
	}
	// Another daemon takes over what the last one had.
	f.crash()
	f.boot()
	if got := f.inspect("web").NetworkSettings.Networks; len(got) != 2 || got["one"].IPAddress != e.IPAddress {
		t.Errorf("%v", got)
	}
	if asked := f.net.last(); asked["Restore"] != "1" || asked["RequestedIP"] != e.IPAddress && asked["Network"] == "one" {
		t.Errorf("%v", asked)
	}
	if got := f.inspect("idle").NetworkSettings.Networks; len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// An interface that cannot be had leaves the container as it was.
func TestNetworkConnect_Fails(t *testing.T) {
	f := setup(t)
	f.create("web", "sleep 60")
	f.run("start", "web")
	f.net.mu.Lock()
	f.net.fail = errdefs.Unavailable("no address is left")
	f.net.mu.Unlock()
	f.fails(errdefs.KindUnavailable, f.eng.Job("network_connect", "one", "web"))
	if got := f.inspect("web").NetworkSettings.Networks; len(got) != 1 {
		t.Errorf("%v", got)
	}
	f.net.mu.Lock()
	f.net.fail = nil
	f.net.mu.Unlock()
	f.run("network_connect", "one", "web")
}
