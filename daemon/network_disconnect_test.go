package daemon

import (
	"os"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestNetworkDisconnect(t *testing.T) {
	f := setup(t)
	f.create("web", "sleep 60")
	f.create("far", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.NetworkMode = "host" })
	f.run("start", "web")
	f.run("network_connect", "one", "web")
	f.events.take()
	f.fails(errdefs.KindNotFound, f.eng.Job("network_disconnect", "nowhere", "web"))
	f.fails(errdefs.KindNotFound, f.eng.Job("network_disconnect", "one", "nobody"))
	f.fails(errdefs.KindForbidden, f.eng.Job("network_disconnect", "two", "web"))
	f.fails(errdefs.KindForbidden, f.eng.Job("network_disconnect", "host", "far"))

	f.run("network_disconnect", "bridge", "web")
	got := f.inspect("web")
	if got.NetworkSettings.IPAddress != "" || len(got.NetworkSettings.Networks) != 1 || got.NetworkSettings.Networks["one"] == nil {
		t.Errorf("%+v", got.NetworkSettings)
	}
	f.net.mu.Lock()
	last := f.net.releases[len(f.net.releases)-1]
	f.net.mu.Unlock()
	if last["Network"] != "bridge" || last["Running"] != "1" {
		t.Errorf("%v", last)
	}
	// It does not come back with the next start.
	f.run("kill", "web")
	f.wait("web", "")
	f.run("start", "web")
	if got := f.inspect("web").NetworkSettings.Networks; len(got) != 1 {
		t.Errorf("%v", got)
	}
	f.run("network_disconnect", "one", "web")
	if got := f.inspect("web").NetworkSettings.Networks; len(got) != 0 {
		t.Errorf("%v", got)
	}
	if text, err := os.ReadFile(got.ResolvConfPath); err != nil || strings.Contains(string(text), nameServer) {
		t.Errorf("%s %v", text, err)
	}
	f.run("network_connect", "bridge", "web")
	if got := f.inspect("web").NetworkSettings; got.IPAddress == "" || len(got.Networks) != 1 {
		t.Errorf("%+v", got)
	}
	// The end of a container may be seen before the job that kills it ends, or after.
	if ev := strings.Replace(f.events.take(), "kill ", "", 1); ev != "disconnect die=137 disconnect connect start disconnect connect" {
		t.Errorf("events %q", ev)
	}
}

// TestNetworkDisconnectNone frees a container of no network for others.
func TestNetworkDisconnectNone(t *testing.T) {
	f := setup(t)
	f.create("alone", "sleep 60", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.NetworkMode = "none" })
	f.run("start", "alone")
	f.fails(errdefs.KindForbidden, f.eng.Job("network_connect", "one", "alone"))
	f.run("network_disconnect", "none", "alone")
	if got := f.inspect("alone").NetworkSettings.Networks; len(got) != 0 {
		t.Errorf("%v", got)
	}
	f.fails(errdefs.KindForbidden, f.eng.Job("network_disconnect", "none", "alone"))
	f.run("network_connect", "one", "alone")
	f.run("kill", "alone")
	f.wait("alone", "")
	f.run("start", "alone")
	if got := f.inspect("alone").NetworkSettings.Networks; len(got) != 1 || got["one"] == nil || got["one"].IPAddress == "" {
		t.Errorf("%v", got)
	}
}
