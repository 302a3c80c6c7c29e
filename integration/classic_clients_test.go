package integration

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/registry/registrytest"
)

// TestClassicClients speaks the oldest versions of the API as programs of their time
// did: testdata/classic_clients.py.
func TestClassicClients(t *testing.T) {
	t.Parallel()
	d := daemonproc.Start(t, daemonproc.Options{})
	peer := registrytest.New(t, registrytest.Options{})
	basic := registrytest.New(t, registrytest.Options{Auth: "basic"})
	token := registrytest.New(t, registrytest.Options{Auth: "token"})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "python3", "testdata/classic_clients.py", strings.TrimPrefix(d.Host, "unix://"), peer.Host(), basic.Host(), token.Host()).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
