package testcontainers_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
)

// leaving is set for the process that is killed.
const leaving = "SUITE_IS_KILLED"

// TestIsKilled is the test that somebody kills.
func TestIsKilled(t *testing.T) {
	if os.Getenv(leaving) == "" {
		t.Skip("it is run by TestReaper, which kills it")
	}
	n, err := network.New(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c, err := testcontainers.Run(context.Background(), "busybox", testcontainers.WithCmd("sleep", "1000"), network.WithNetwork([]string{"left"}, n),
		testcontainers.WithMounts(testcontainers.VolumeMount("left-by-suite", "/data")))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("left %s %s\n", c.GetContainerID(), n.ID)
	time.Sleep(time.Minute)
}

// A test that is killed takes nothing away. What it had started goes all the same,
// for the reaper notices that its connection is gone; the things of others stay.
func TestReaper(t *testing.T) {
	ours := start(t, "sleep 1000")
	cmd := osexec.Command(os.Args[0], "-test.run=^TestIsKilled$", "-test.v")
	cmd.Env = append(os.Environ(), leaving+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var container, net string
	for lines := bufio.NewScanner(out); container == "" && lines.Scan(); {
		if left, ok := strings.CutPrefix(lines.Text(), "left "); ok {
			container, net, _ = strings.Cut(left, " ")
		}
	}
	killed := cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	if container == "" || killed != nil {
		t.Fatalf("it left nothing: %v", killed)
	}
	api, err := testcontainers.NewDockerClientWithOpts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	there := func() string {
		var what []string
		if _, err := api.ContainerInspect(t.Context(), container, client.ContainerInspectOptions{}); err == nil {
			what = append(what, "container")
		}
		if _, err := api.NetworkInspect(t.Context(), net, client.NetworkInspectOptions{}); err == nil {
			what = append(what, "network")
		}
		if _, err := api.VolumeInspect(t.Context(), "left-by-suite", client.VolumeInspectOptions{}); err == nil {
			what = append(what, "volume")
		}
		return strings.Join(what, ", ")
	}
	if what := there(); what != "container, network, volume" {
		t.Errorf("at first there are: %s", what)
	}
	for end := time.Now().Add(20 * time.Second); there() != ""; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is still there: %s", there())
		}
	}
	if state, err := ours.State(t.Context()); err != nil || !state.Running {
		t.Errorf("our own: %+v, %v", state, err)
	}
}
