package integration

import (
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/registry/registrytest"
)

// sdk is the official Go client beside one daemon. Steps are methods of it by area:
// sdk_containers_test.go, sdk_images_test.go, sdk_absent_test.go.
type sdk struct {
	*testing.T
	ctx      context.Context //nolint:containedctx // lives as long as one test
	cli      *client.Client
	d        *daemonproc.Daemon
	registry string
	called   map[string]bool
}

// TestGoSDKVersions runs a container by clients that insist on an older version of
// the API, from the lowest that the official client takes.
func TestGoSDKVersions(t *testing.T) {
	t.Parallel()
	d := daemonproc.Start(t, daemonproc.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, version := range []string{client.MinAPIVersion, "1.41", "1.44", "1.51"} {
		t.Run(version, func(t *testing.T) {
			cli, err := client.New(client.WithHost(d.Host), client.WithAPIVersion(version))
			if err != nil {
				t.Fatal(err)
			}
			s := &sdk{T: t, ctx: ctx, cli: cli, d: d, called: map[string]bool{}}
			s.want("ClientVersion", nil, cli.ClientVersion() == version, cli.ClientVersion())
			box := s.box("aged", "sh", "-c", "exit 3")
			wait := cli.ContainerWait(ctx, box, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
			select {
			case end := <-wait.Result:
				s.want("ContainerWait", nil, end.StatusCode == 3, end)
			case err := <-wait.Error:
				s.do("ContainerWait", err)
			}
			_, err = cli.ContainerRename(ctx, box, client.ContainerRenameOptions{NewName: "older"})
			s.do("ContainerRename", err)
			_, err = cli.ContainerCreate(ctx, client.ContainerCreateOptions{Name: "older", Config: &container.Config{Image: "busybox", Cmd: []string{"true"}}})
			s.refused("ContainerCreate", err, errdefs.IsConflict, "already in use")
			list, err := cli.ContainerList(ctx, client.ContainerListOptions{All: true})
			s.want("ContainerList", err, len(list.Items) == 1 && list.Items[0].State == "exited", list)
			_, err = cli.ContainerRemove(ctx, box, client.ContainerRemoveOptions{})
			s.do("ContainerRemove", err)
		})
	}
}

// TestGoSDKMethods calls each method of the official Go client. One that a newer
// version of the client has, and this test has not, fails it.
func TestGoSDKMethods(t *testing.T) {
	t.Parallel()
	d := daemonproc.Start(t, daemonproc.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cli, err := client.New(client.WithHost(d.Host))
	if err != nil {
		t.Fatal(err)
	}
	peer := registrytest.New(t, registrytest.Options{})
	peer.Find(map[string]any{"name": "team/found", "description": "what a search finds", "star_count": 3})
	s := &sdk{T: t, ctx: ctx, cli: cli, d: d, registry: peer.Host(), called: map[string]bool{}}
	s.system()
	s.images()
	s.containers()
	s.volumes()
	s.networks()
	s.absent()
	s.do("Close", cli.Close())

	var missed []string
	for m := range reflect.TypeFor[*client.Client]().Methods() {
		if !s.called[m.Name] {
			missed = append(missed, m.Name)
		}
	}
	if len(missed) > 0 {
		t.Errorf("not called: %s", strings.Join(missed, " "))
	}
	t.Logf("%d methods of the Go SDK called", len(s.called))
}

// did notes that a method was called.
func (s *sdk) did(method string) { s.called[method] = true }

// do notes a call that must succeed.
func (s *sdk) do(method string, err error) {
	s.Helper()
	s.did(method)
	if err != nil {
		s.Errorf("%s: %v", method, err)
	}
}

// want notes a call whose result must be so.
func (s *sdk) want(method string, err error, ok bool, got any) {
	s.Helper()
	s.do(method, err)
	if err == nil && !ok {
		s.Errorf("%s: %+v", method, got)
	}
}

// refused notes a call that must fail so, with these words.
func (s *sdk) refused(method string, err error, kind func(error) bool, words string) {
	s.Helper()
	s.did(method)
	if err == nil || !kind(err) || !strings.Contains(err.Error(), words) {
		s.Errorf("%s: %v, want %q", method, err, words)
	}
}

// all reads a stream to its end.
func (s *sdk) all(method string, r io.ReadCloser, err error) string {
	s.Helper()
	s.do(method, err)
	if err != nil {
		return ""
	}
	text, err := io.ReadAll(r)
	s.do(method, errors.Join(err, r.Close()))
	return string(text)
}

func (s *sdk) system() {
	ping, err := s.cli.Ping(s.ctx, client.PingOptions{NegotiateAPIVersion: true})
	s.want("Ping", err, ping.OSType == "linux" && ping.APIVersion != "" && ping.BuilderVersion == "1", ping)
	s.want("ClientVersion", nil, s.cli.ClientVersion() != "", s.cli.ClientVersion())
	s.want("DaemonHost", nil, s.cli.DaemonHost() == s.d.Host, s.cli.DaemonHost())
	version, err := s.cli.ServerVersion(s.ctx, client.ServerVersionOptions{})
	s.want("ServerVersion", err, version.Os == "linux" && version.MinAPIVersion == "1.6" && version.APIVersion == ping.APIVersion, version)
	info, err := s.cli.Info(s.ctx, client.InfoOptions{})
	s.want("Info", err, info.Info.Driver != "" && info.Info.Images == 1 && info.Info.NCPU > 0 && info.Info.ID != "", info)
	usage, err := s.cli.DiskUsage(s.ctx, client.DiskUsageOptions{Containers: true, Images: true, BuildCache: true, Volumes: true, Verbose: true})
	s.want("DiskUsage", err, usage.Images.TotalCount == 1 && len(usage.Images.Items) == 1, usage)
	login, err := s.cli.RegistryLogin(s.ctx, client.RegistryLoginOptions{Username: "u", Password: "p", ServerAddress: s.registry})
	s.want("RegistryLogin", err, login.Auth.Status != "", login)

	dial := s.cli.Dialer()
	conn, err := dial(s.ctx)
	s.do("Dialer", err)
	if err == nil {
		_ = conn.Close()
	}
	conn, err = s.cli.DialHijack(s.ctx, "/session", "h2c", nil)
	s.did("DialHijack") // BuildKit's way to talk back, which this engine has not
	if err == nil {
		_ = conn.Close()
		s.Error("DialHijack: a session was opened")
	}
}

func (s *sdk) volumes() {
	made, err := s.cli.VolumeCreate(s.ctx, client.VolumeCreateOptions{Name: "data", Labels: map[string]string{"a": "b"}})
	s.want("VolumeCreate", err, made.Volume.Name == "data" && made.Volume.Driver == "local", made)
	seen, err := s.cli.VolumeInspect(s.ctx, "data", client.VolumeInspectOptions{})
	s.want("VolumeInspect", err, seen.Volume.Labels["a"] == "b" && seen.Volume.CreatedAt != "", seen)
	_, err = s.cli.VolumeInspect(s.ctx, "none", client.VolumeInspectOptions{})
	s.refused("VolumeInspect", err, errdefs.IsNotFound, "no such volume")
	list, err := s.cli.VolumeList(s.ctx, client.VolumeListOptions{Filters: client.Filters{}.Add("label", "a=b")})
	s.want("VolumeList", err, len(list.Items) == 1, list)
	_, err = s.cli.VolumeUpdate(s.ctx, "data", client.VolumeUpdateOptions{})
	s.refused("VolumeUpdate", err, errdefs.IsUnavailable, "only valid for cluster volumes")
	_, err = s.cli.VolumeRemove(s.ctx, "data", client.VolumeRemoveOptions{Force: true})
	s.do("VolumeRemove", err)
	_, err = s.cli.VolumeCreate(s.ctx, client.VolumeCreateOptions{})
	s.do("VolumeCreate", err)
	pruned, err := s.cli.VolumePrune(s.ctx, client.VolumePruneOptions{All: true})
	s.want("VolumePrune", err, len(pruned.Report.VolumesDeleted) == 1, pruned)
}

func (s *sdk) networks() {
	made, err := s.cli.NetworkCreate(s.ctx, "net", client.NetworkCreateOptions{Driver: "bridge", Labels: map[string]string{"a": "b"}})
	s.want("NetworkCreate", err, made.ID != "", made)
	seen, err := s.cli.NetworkInspect(s.ctx, "net", client.NetworkInspectOptions{})
	s.want("NetworkInspect", err, seen.Network.ID == made.ID && len(seen.Network.IPAM.Config) == 1, seen)
	list, err := s.cli.NetworkList(s.ctx, client.NetworkListOptions{Filters: client.Filters{}.Add("name", "net")})
	s.want("NetworkList", err, len(list.Items) == 1, list)
	box := s.box("joins", "sleep", "1000")
	_, err = s.cli.NetworkConnect(s.ctx, "net", client.NetworkConnectOptions{Container: box})
	s.do("NetworkConnect", err)
	_, err = s.cli.NetworkDisconnect(s.ctx, "net", client.NetworkDisconnectOptions{Container: box, Force: true})
	s.do("NetworkDisconnect", err)
	_, err = s.cli.NetworkRemove(s.ctx, "net", client.NetworkRemoveOptions{})
	s.do("NetworkRemove", err)
	_, err = s.cli.NetworkRemove(s.ctx, "net", client.NetworkRemoveOptions{})
	s.refused("NetworkRemove", err, errdefs.IsNotFound, "network net not found")
	_, err = s.cli.NetworkCreate(s.ctx, "idle", client.NetworkCreateOptions{})
	s.do("NetworkCreate", err)
	pruned, err := s.cli.NetworkPrune(s.ctx, client.NetworkPruneOptions{})
	s.want("NetworkPrune", err, slices.Equal(pruned.Report.NetworksDeleted, []string{"idle"}), pruned)
	_, err = s.cli.ContainerRemove(s.ctx, box, client.ContainerRemoveOptions{Force: true})
	s.do("ContainerRemove", err)
}
