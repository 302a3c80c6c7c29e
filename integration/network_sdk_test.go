package integration

import (
	"context"
	"maps"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestGoSDKNetworks makes, joins, leaves and prunes networks with the official Go
// client.
func TestGoSDKNetworks(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cli, err := client.New(client.WithHost(d.Host))
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	dual := true
	made, err := cli.NetworkCreate(ctx, "team", client.NetworkCreateOptions{
		Driver: "bridge", EnableIPv6: &dual, Labels: map[string]string{"who": "sdk"},
		IPAM: &network.IPAM{Config: []network.IPAMConfig{
			{Subnet: netip.MustParsePrefix("10.208.20.0/24"), AuxAddress: map[string]netip.Addr{"router": netip.MustParseAddr("10.208.20.2")}},
			{Subnet: netip.MustParsePrefix("fd00:208:20::/64")},
		}},
	})
	if err != nil || made.ID == "" {
		t.Fatalf("%+v %v", made, err)
	}
	if _, err := cli.NetworkCreate(ctx, "team", client.NetworkCreateOptions{}); !errdefs.IsConflict(err) {
		t.Errorf("the same name: %v", err)
	}
	if _, err := cli.NetworkCreate(ctx, "spare", client.NetworkCreateOptions{Internal: true}); err != nil {
		t.Fatal(err)
	}
	list, err := cli.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("label", "who=sdk")})
	if err != nil || len(list.Items) != 1 || list.Items[0].ID != made.ID || !list.Items[0].EnableIPv6 || !list.Items[0].EnableIPv4 {
		t.Errorf("list: %+v %v", list, err)
	}
	box := sdkBox(ctx, t, cli)
	sdkJoin(ctx, t, cli, box, made.ID)

	if _, err := cli.NetworkRemove(ctx, "team", client.NetworkRemoveOptions{}); !errdefs.IsPermissionDenied(err) {
		t.Errorf("in use: %v", err)
	}
	if _, err := cli.NetworkDisconnect(ctx, "team", client.NetworkDisconnectOptions{Container: box}); err != nil {
		t.Error(err)
	}
	if in, err := cli.NetworkInspect(ctx, "team", client.NetworkInspectOptions{}); err != nil || len(in.Network.Containers) != 0 {
		t.Errorf("left: %+v %v", in.Network.Containers, err)
	}
	pruned, err := cli.NetworkPrune(ctx, client.NetworkPruneOptions{Filters: make(client.Filters).Add("label!", "who")})
	if err != nil || !slices.Equal(pruned.Report.NetworksDeleted, []string{"spare"}) {
		t.Errorf("prune: %+v %v", pruned, err)
	}
	if _, err := cli.NetworkRemove(ctx, made.ID, client.NetworkRemoveOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := cli.NetworkInspect(ctx, "team", client.NetworkInspectOptions{}); !errdefs.IsNotFound(err) {
		t.Errorf("removed: %v", err)
	}
}

// sdkBox starts a container on two networks, of which it says the better one.
func sdkBox(ctx context.Context, t *testing.T, cli *client.Client) string {
	t.Helper()
	made, err := cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:       "box",
		Config:     &container.Config{Image: "busybox", Cmd: []string{"sleep", "1000"}},
		HostConfig: &container.HostConfig{NetworkMode: "spare"},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			"spare": {Aliases: []string{"crate"}}, "bridge": {GwPriority: 7},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cli.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	in, err := cli.ContainerInspect(ctx, made.ID, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	nets := in.Container.NetworkSettings.Networks
	if got := slices.Sorted(maps.Keys(nets)); !slices.Equal(got, []string{"bridge", "spare"}) {
		t.Fatalf("networks: %v", got)
	}
	if nets["bridge"].GwPriority != 7 || !nets["bridge"].Gateway.IsValid() || nets["spare"].Gateway.IsValid() {
		t.Errorf("ways out: %+v, %+v", nets["bridge"], nets["spare"])
	}
	if names := nets["spare"].DNSNames; !slices.Equal(names, []string{"box", "crate", made.ID[:12]}) {
		t.Errorf("names: %v", names)
	}
	if _, err := cli.NetworkDisconnect(ctx, "spare", client.NetworkDisconnectOptions{Container: "box", Force: true}); err != nil {
		t.Error(err)
	}
	return made.ID
}

// sdkJoin connects it with addresses of its choice.
func sdkJoin(ctx context.Context, t *testing.T, cli *client.Client, box, net string) {
	t.Helper()
	v4, v6 := netip.MustParseAddr("10.208.20.9"), netip.MustParseAddr("fd00:208:20::9")
	join := client.NetworkConnectOptions{Container: box, EndpointConfig: &network.EndpointSettings{
		IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: v4, IPv6Address: v6}, Aliases: []string{"alias"},
	}}
	if _, err := cli.NetworkConnect(ctx, net, join); err != nil {
		t.Fatal(err)
	}
	if _, err := cli.NetworkConnect(ctx, net, join); !errdefs.IsPermissionDenied(err) {
		t.Errorf("twice: %v", err)
	}
	in, err := cli.NetworkInspect(ctx, net, client.NetworkInspectOptions{Verbose: true})
	if err != nil {
		t.Fatal(err)
	}
	e := in.Network.Containers[box]
	if e.Name != "box" || e.IPv4Address != netip.PrefixFrom(v4, 24) || e.IPv6Address != netip.PrefixFrom(v6, 64) || len(e.MacAddress) != 6 || e.EndpointID == "" {
		t.Errorf("who is there: %+v", in.Network.Containers)
	}
	c, err := cli.ContainerInspect(ctx, box, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ep := c.Container.NetworkSettings.Networks["team"]
	if ep == nil || ep.IPAddress != v4 || ep.GlobalIPv6Address != v6 || ep.IPPrefixLen != 24 || ep.GlobalIPv6PrefixLen != 64 ||
		ep.NetworkID != net || ep.EndpointID != e.EndpointID || !slices.Contains(ep.DNSNames, "alias") {
		t.Errorf("where it is: %+v", ep)
	}
}

const pythonNetworks = `
import docker, os
from docker.types import IPAMConfig, IPAMPool
client = docker.DockerClient(base_url=os.environ["DOCKER_HOST"], version="auto", timeout=30)
assert sorted(n.name for n in client.networks.list()) == ["bridge", "host", "none"]
ipam = IPAMConfig(pool_configs=[IPAMPool(subnet="10.208.21.0/24", iprange="10.208.21.128/25", gateway="10.208.21.1", aux_addresses={"a": "10.208.21.128"})])
net = client.networks.create("py", driver="bridge", ipam=ipam, labels={"who": "py"}, internal=True, attachable=True, check_duplicate=True,
    options={"com.docker.network.driver.mtu": "1280"})
assert net.attrs["IPAM"]["Config"][0]["IPRange"] == "10.208.21.128/25", net.attrs
assert net.attrs["Internal"] and net.attrs["Attachable"] and net.attrs["Labels"] == {"who": "py"}, net.attrs
other = client.networks.create("other")
try:
    client.networks.create("py", check_duplicate=True)
    raise SystemExit("made twice")
except docker.errors.APIError as e:
    assert e.status_code == 409, e
assert [n.id for n in client.networks.list(names=["py"], filters={"driver": "bridge"})] == [net.id]
assert client.networks.list(ids=[net.id])[0].name == "py"
box = client.containers.run("busybox", ["sleep", "1000"], name="box", network="py", detach=True)
box.reload()
assert box.attrs["NetworkSettings"]["Networks"]["py"]["IPAddress"] == "10.208.21.129", box.attrs
other.connect(box, aliases=["alias"])
try:
    other.connect(box)
    raise SystemExit("connected twice")
except docker.errors.APIError as e:
    assert e.status_code == 403, e
net.reload()
assert [c.name for c in net.containers] == ["box"], net.containers
assert [c.name for c in client.networks.list(names=["other"], greedy=True)[0].containers] == ["box"]
assert b"hello" in client.containers.run("busybox", ["sh", "-c", "nslookup alias >/dev/null && echo hello"], network="other", remove=True)
try:
    net.remove()
    raise SystemExit("removed in use")
except docker.errors.APIError as e:
    assert e.status_code == 403 and "active endpoints" in str(e), e
net.disconnect(box)
other.disconnect("box", force=True)
box.reload()
assert box.attrs["NetworkSettings"]["Networks"] == {}, box.attrs
assert client.networks.prune(filters={"label": ["who"]})["NetworksDeleted"] == ["py"]
assert client.networks.prune()["NetworksDeleted"] == ["other"]
box.remove(force=True)
try:
    client.networks.get("py")
    raise SystemExit("py is found")
except docker.errors.NotFound as e:
    print("as expected:", e)
`

// TestPythonSDKNetworks does the same with docker-py as Debian packs it.
func TestPythonSDKNetworks(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import docker").Run(); err != nil {
		t.Skipf("needs Debian's python3-docker, run make deps: %v", err)
	}
	d := daemonproc.Start(t, daemonproc.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := d.Command(ctx, python, "-c", pythonNetworks).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "as expected") {
		t.Errorf("%v:\n%s", err, out)
	}
}
