package embed_test

import (
	"testing"

	"github.com/moby/moby/client"

	"example.com/embed"

	"github.com/enginejobs/docker/server/daemontest"
)

// docker starts a daemon for one test and connects the SDK to it.
func docker(t *testing.T, opts ...daemontest.Option) (*daemontest.Daemon, *client.Client) {
	t.Helper()
	d := daemontest.New(t, opts...)
	d.ImportBox(t) // an image with sh, echo, sleep and a few more
	cli, err := client.New(client.WithHost(d.Host()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cli.Close() })
	return d, cli
}

// names lists all containers.
func names(t *testing.T, cli *client.Client) []string {
	t.Helper()
	list, err := cli.ContainerList(t.Context(), client.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range list.Items {
		found = append(found, c.Names...)
	}
	return found
}

// The containers are real where they can be (root on Linux) and fake elsewhere.
func TestDeploy(t *testing.T) {
	t.Parallel()
	_, cli := docker(t)
	if err := embed.Deploy(t.Context(), cli, "web", "box", 3, "sleep", "1000"); err != nil {
		t.Fatal(err)
	}
	if found := names(t, cli); len(found) != 3 {
		t.Errorf("containers %q", found)
	}
}
