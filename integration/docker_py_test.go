package integration

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/registry/registrytest"
)

// TestDockerPy drives the daemon with docker-py as Debian packs it, in several
// versions of the API: testdata/docker_py_suite.py.
func TestDockerPy(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import docker").Run(); err != nil {
		t.Skipf("needs Debian's python3-docker, run make deps: %v", err)
	}
	d := daemonproc.Start(t, daemonproc.Options{})
	peer := registrytest.New(t, registrytest.Options{})
	peer.Find(map[string]any{"name": "team/found", "description": "what a search finds", "star_count": 3})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := d.Command(ctx, python, "testdata/docker_py_suite.py", peer.Host()).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
