package daemon

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

// Who names networks and says nothing by the mode joins these, and the default
// one only when it is among them.
func TestNetworksWithoutAMode(t *testing.T) {
	f := setup(t)
	for name, c := range map[string]struct{ wish, want string }{
		"alias":   {`{"one":{"Aliases":["a"]}}`, "one"},
		"two":     {`{"one":{},"two":{}}`, "one two"},
		"both":    {`{"one":{},"bridge":{}}`, "bridge one"},
		"default": {`{"default":{}}`, "bridge"},
		"nothing": {`{}`, "bridge"},
	} {
		cfg, host := config("sleep 60")
		host.NetworkMode = "default"
		job := f.eng.Job("create", name)
		for key, doc := range map[string]any{"Config": cfg, "HostConfig": host} {
			if err := job.SetenvJson(key, doc); err != nil {
				t.Fatal(err)
			}
		}
		job.Setenv("NetworkingConfig", `{"EndpointsConfig":`+c.wish+`}`)
		if err := job.Run(); err != nil {
			t.Fatal(err)
		}
		f.run("start", name)
		if got := strings.Join(slices.Sorted(maps.Keys(f.inspect(name).NetworkSettings.Networks)), " "); got != c.want {
			t.Errorf("%s: joins %s, want %s", name, got, c.want)
		}
		if c.want == "one" { // it may join it later
			f.run("network_connect", "bridge", name)
			if got := f.inspect(name).NetworkSettings; got.IPAddress == "" || len(got.Networks) != 2 {
				t.Errorf("%+v", got)
			}
		}
	}
}

// An endpoint may name its interface, which the kernel must be able to call so.
func TestInterfaceOfAnEndpoint(t *testing.T) {
	f := setup(t)
	f.create("web", "sleep 60")
	f.run("start", "web")
	job := f.eng.Job("network_connect", "one", "web")
	job.Setenv("EndpointConfig", `{"DriverOpts":{"com.docker.network.endpoint.ifname":"lan0"}}`)
	if err := job.Run(); err != nil {
		t.Fatal(err)
	}
	if got := f.net.last()["Interface"]; got != "lan0" {
		t.Errorf("interface %q", got)
	}
	for _, name := range []string{"", "lo", ".", "..", "a/b", "a b", "a:b", "sixteen-letters."} {
		job := f.eng.Job("network_connect", "two", "web")
		job.Setenv("EndpointConfig", `{"DriverOpts":{"com.docker.network.endpoint.ifname":"`+name+`"}}`)
		f.fails(errdefs.KindInvalidArgument, job)
	}
}
