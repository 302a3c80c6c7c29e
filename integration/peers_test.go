//go:build linux

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/registry/registrytest"
)

// Images go between this engine and others by a registry of Debian's and by
// archives, and stay what they are: the same ids, layers and configuration.
func TestImagesOfOtherEngines(t *testing.T) {
	daemonproc.Require(t)
	reg := registrytest.Debian(t, registrytest.Options{})
	ours := daemonproc.Start(t, daemonproc.Options{})
	name := reg.Host + "/team/two"
	ours.Must(t, "run", "--name", "two", "--net", "none", "busybox", "sh", "-c", "echo second > /second; ln -s second /link")
	ours.Must(t, "commit", "-c", "CMD cat /second", "two", name+":v1")
	ours.Must(t, "rm", "two")
	ours.Must(t, "push", name+":v1")
	want := identity(t, ours.Must(t, "inspect", name+":v1"))

	// back gets the image again from a registry and holds it against what it was.
	back := func(t *testing.T, ref string) {
		t.Helper()
		ours.Must(t, "rmi", "-f", want.ID)
		ours.Must(t, "pull", ref)
		if got := identity(t, ours.Must(t, "inspect", ref)); !got.same(want) {
			t.Errorf("came back as %+v, was %+v", got, want)
		}
		if out := ours.Must(t, "run", "--rm", "--net", "none", ref); out != "second" {
			t.Errorf("it says %q", out)
		}
		ours.Must(t, "tag", ref, name+":v1")
		ours.Must(t, "image", "check")
	}

	t.Run("skopeo", func(t *testing.T) {
		skopeo := need(t, "skopeo")
		copyTo := func(args ...string) {
			t.Helper()
			args = append([]string{"copy", "--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false"}, args...)
			command(t, skopeo, args...)
		}
		copyTo("docker://"+name+":v1", "docker://"+reg.Host+"/skopeo/two:v1")
		back(t, reg.Host+"/skopeo/two:v1")

		layout := filepath.Join(t.TempDir(), "layout")
		copyTo("docker://"+name+":v1", "oci:"+layout+":"+"two:oci")
		archive := layout + ".tar"
		command(t, "tar", "-C", layout, "-cf", archive, ".")
		ours.Must(t, "load", "-i", archive)
		ours.Must(t, "save", "-o", archive, name+":v1")
		copyTo("docker-archive:"+archive, "docker://"+reg.Host+"/skopeo/saved:v1")
		back(t, reg.Host+"/skopeo/saved:v1")
	})

	t.Run("podman", func(t *testing.T) {
		bin := need(t, "podman")
		dir, err := os.MkdirTemp("/tmp", "ejt-p") //nolint:usetesting // podman takes no path of more than 50 bytes
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		// Its locks are in shared memory unless told otherwise, and stay there.
		conf := filepath.Join(dir, "containers.conf")
		if err := os.WriteFile(conf, []byte("[engine]\nlock_type = \"file\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		podman := func(args ...string) string {
			return command(t, "env", append([]string{
				"CONTAINERS_CONF=" + conf, bin, "--root", dir + "/root", "--runroot", dir + "/run", "--tmpdir", dir + "/tmp",
				"--storage-driver", "vfs", "--cgroup-manager", "cgroupfs",
			}, args...)...)
		}
		podman("pull", "--tls-verify=false", name+":v1")
		if got := identity(t, podman("image", "inspect", name+":v1")); got.ID != hexDigits(want.ID) || !slices.Equal(got.RootFS.Layers, want.RootFS.Layers) {
			t.Errorf("podman has %+v, want %+v", got, want)
		}
		podman("tag", name+":v1", reg.Host+"/podman/two:v1")
		podman("push", "--tls-verify=false", "--format", "v2s2", reg.Host+"/podman/two:v1")
		back(t, reg.Host+"/podman/two:v1")
	})

	t.Run("dockerd", func(t *testing.T) {
		peer := startDockerd(t)
		peer.must(t, "pull", name+":v1")
		if got := identity(t, peer.must(t, "inspect", name+":v1")); !got.same(want) {
			t.Errorf("dockerd has %+v, want %+v", got, want)
		}
		peer.must(t, "tag", name+":v1", reg.Host+"/dockerd/two:v1")
		peer.must(t, "push", reg.Host+"/dockerd/two:v1")
		back(t, reg.Host+"/dockerd/two:v1")

		theirs, mine := filepath.Join(t.TempDir(), "theirs.tar"), filepath.Join(t.TempDir(), "mine.tar")
		peer.must(t, "save", "-o", theirs, name+":v1")
		ours.Must(t, "rmi", "-f", want.ID)
		ours.Must(t, "load", "-i", theirs)
		if got := identity(t, ours.Must(t, "inspect", name+":v1")); !got.same(want) {
			t.Errorf("loaded as %+v, was %+v", got, want)
		}
		ours.Must(t, "save", "-o", mine, name+":v1")
		peer.must(t, "rmi", "-f", want.ID)
		peer.must(t, "load", "-i", mine)
		if got := identity(t, peer.must(t, "inspect", name+":v1")); !got.same(want) {
			t.Errorf("dockerd loads %+v, want %+v", got, want)
		}
	})
}

// imageIdentity is what must not change on the way.
type imageIdentity struct {
	ID     string `json:"Id"`
	Config struct{ Cmd, Env []string }
	RootFS struct{ Layers []string }
}

func (i imageIdentity) same(other imageIdentity) bool {
	return i.ID == other.ID && slices.Equal(i.RootFS.Layers, other.RootFS.Layers) && slices.Equal(i.Config.Cmd, other.Config.Cmd)
}

func identity(t *testing.T, inspected string) imageIdentity {
	t.Helper()
	var list []imageIdentity
	if err := json.Unmarshal([]byte(inspected), &list); err != nil || len(list) != 1 {
		t.Fatalf("%s: %v", inspected, err)
	}
	return list[0]
}

func hexDigits(id string) string { return strings.TrimPrefix(id, "sha256:") }

// need finds a program or skips the test.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed (apt-get install %s)", program, program)
	}
	return path
}

// command runs a program of this host.
func command(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// otherDockerd is a private dockerd without a network.
type otherDockerd struct{ client, host string }

func (d *otherDockerd) must(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, d.client, append([]string{"-H", d.host}, args...)...).Output()
	if err != nil {
		t.Fatalf("dockerd: docker %s: %v %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// startDockerd starts Debian's dockerd and its containerd on private directories,
// in a mount namespace of their own, without bridge and rules.
func startDockerd(t *testing.T) *otherDockerd {
	t.Helper()
	dockerd, containerd := need(t, "dockerd"), need(t, "containerd")
	client := daemonproc.MustAsset(t, "client")
	dir, err := os.MkdirTemp("", "ejt-peer") //nolint:usetesting // the paths of sockets must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	spawn := func(script string) {
		cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", "mount -t tmpfs tmpfs /run && exec "+script)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
			timer := time.AfterFunc(20*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
			defer timer.Stop()
			_ = cmd.Wait() // by our signal
		})
	}
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"+
		"[grpc]\n  address = %q\n[ttrpc]\n  address = %q\n", dir+"/c-root", dir+"/c-state", dir+"/c.sock", dir+"/c.ttrpc")
	for file, text := range map[string]string{"containerd.toml": config, "none.json": "{}"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	serves := func(socket string) func() bool {
		return func() bool {
			c, err := net.Dial("unix", socket)
			if err == nil {
				c.Close()
			}
			return err == nil
		}
	}
	wait := func(socket string) {
		if !daemonproc.Poll(30*time.Second, serves(socket)) {
			text, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("%s does not come up: %s", socket, text)
		}
	}
	spawn(containerd + " --config " + dir + "/containerd.toml")
	wait(dir + "/c.sock")
	spawn(fmt.Sprintf("%s -H unix://%[2]s/d.sock --data-root %[2]s/root --exec-root %[2]s/exec --pidfile %[2]s/pid --containerd %[2]s/c.sock "+
		"--config-file %[2]s/none.json --storage-driver overlay2 --bridge none --iptables=false --ip6tables=false --ip-forward=false", dockerd, dir))
	wait(dir + "/d.sock")
	return &otherDockerd{client: client, host: "unix://" + dir + "/d.sock"}
}
