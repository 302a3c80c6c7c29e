package integration

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestGoSDK lives one container's life with the official Go client.
func TestGoSDK(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cli, err := client.New(client.WithHost(d.Host))
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	if ping, err := cli.Ping(ctx, client.PingOptions{}); err != nil || ping.OSType != "linux" {
		t.Fatalf("ping: %+v %v", ping, err)
	}

	tar, err := os.Open(daemonproc.MustAsset(t, "busybox"))
	if err != nil {
		t.Fatal(err)
	}
	defer tar.Close()
	imported, err := cli.ImageImport(ctx, client.ImageImportSource{Source: tar, SourceName: "-"}, "sdk:v1", client.ImageImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, imported); err != nil {
		t.Error(err)
	}
	imported.Close()

	created, err := cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:       "box",
		Config:     &container.Config{Image: "sdk:v1", Cmd: []string{"sh", "-c", "echo out; echo err >&2; exit 5"}},
		HostConfig: &container.HostConfig{Resources: container.Resources{Memory: 64 << 20}},
	})
	if err != nil {
		t.Fatal(err)
	}
	wait := cli.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := cli.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case exit := <-wait.Result:
		if exit.StatusCode != 5 {
			t.Errorf("wait: %+v", exit)
		}
	case err := <-wait.Error:
		t.Fatal(err)
	}
	logs, err := cli.ContainerLogs(ctx, "box", client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, &stderr, logs); err != nil {
		t.Error(err)
	}
	logs.Close()
	if stdout.String() != "out\n" || stderr.String() != "err\n" {
		t.Errorf("logs: %q %q", stdout.String(), stderr.String())
	}
	inspect, err := cli.ContainerInspect(ctx, "box", client.ContainerInspectOptions{Size: true})
	if err != nil {
		t.Fatal(err)
	}
	c := inspect.Container
	if c.Name != "/box" || c.State.Status != "exited" || c.State.ExitCode != 5 || c.HostConfig.Memory != 64<<20 {
		t.Errorf("inspect: %+v %+v", c.Name, c.State)
	}
	list, err := cli.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil || len(list.Items) != 1 || list.Items[0].ID != created.ID || list.Items[0].State != "exited" {
		t.Errorf("list: %+v %v", list, err)
	}
	if _, err := cli.ContainerRemove(ctx, "box", client.ContainerRemoveOptions{RemoveVolumes: true}); err != nil {
		t.Error(err)
	}
	if _, err := cli.ContainerInspect(ctx, "box", client.ContainerInspectOptions{}); err == nil {
		t.Error("the removed container is still there")
	}
	images, err := cli.ImageList(ctx, client.ImageListOptions{})
	if err != nil || len(images.Items) == 0 {
		t.Errorf("images: %+v %v", images, err)
	}
}

const pythonLife = `
import docker, os, sys
client = docker.DockerClient(base_url=os.environ["DOCKER_HOST"], version="auto", timeout=30)
assert client.ping()
box = client.containers.create("busybox", ["sh", "-c", "echo out; exit 7"], name="box", environment={"A": "1"})
box.start()
code = box.wait()["StatusCode"]
assert code == 7, code
assert box.logs() == b"out\n", box.logs()
box.reload()
assert box.status == "exited", box.status
assert "A=1" in box.attrs["Config"]["Env"], box.attrs
assert [c.name for c in client.containers.list(all=True)] == ["box"]
box.remove()
assert client.containers.list(all=True) == []
assert client.containers.run("busybox", "echo hello", remove=True) == b"hello\n"
assert "busybox:latest" in client.images.list()[0].tags
stream = client.containers.run("busybox", ["sh", "-c", "echo one; echo two"], detach=True)
assert b"".join(stream.logs(stream=True, follow=True)) == b"one\ntwo\n"
stream.remove(force=True)
try:
    client.containers.get("nobody")
    sys.exit("nobody is found")
except docker.errors.NotFound as e:
    print("as expected:", e)
`

// TestPythonSDK does the same with docker-py as Debian packs it.
func TestPythonSDK(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import docker").Run(); err != nil {
		t.Skipf("needs Debian's python3-docker, run make deps: %v", err)
	}
	d := daemonproc.Start(t, daemonproc.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	script := d.Command(ctx, python, "-c", pythonLife)
	out, err := script.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "as expected") {
		t.Errorf("%v:\n%s", err, out)
	}
}
