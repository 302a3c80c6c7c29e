package integration

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// heads is what stands in the heads of answers: of successes, failures, of what is
// not there and of connections that are taken over. The form is that of badRequests,
// and TestRecordBadRequests records it, too.
const heads = "testdata/requests/heads.txt"

// TestHeadsAsDockerd compares the status and the headers that are Docker's own.
func TestHeadsAsDockerd(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	prepareForHeads(t, d.Socket())
	compareRequests(t, heads, d.Socket(), tellHead)
	stillServes(t, d)
}

// prepareForHeads makes a container that runs.
func prepareForHeads(t *testing.T, socket string) {
	t.Helper()
	for _, r := range []struct {
		badRequest
		want string
	}{
		{badRequest{method: "POST", target: "/v1.41/containers/create?name=runs", body: `{"Image":"busybox","Cmd":["sleep","1000"],"HostConfig":{"NetworkMode":"none"}}`}, "201"},
		{badRequest{method: "POST", target: "/v1.41/containers/runs/start"}, "204"},
	} {
		if got := r.send(t, socket); got != r.want {
			t.Fatalf("%s: %s", r.target, got)
		}
	}
}

// tellHead is a status and headers. Versions are left out: only that there are some.
func tellHead(resp *http.Response) string {
	said := []string{strconv.Itoa(resp.StatusCode)}
	for _, name := range []string{
		"Api-Version", "Docker-Experimental", "Ostype", "Server", "Builder-Version", "Swarm", "Cache-Control", "Pragma", "Content-Type",
		"Connection", "Upgrade", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Location",
	} {
		if values := resp.Header[name]; len(values) > 0 {
			value := regexp.MustCompile(`\d+\.\d+[\w.+-]*`).ReplaceAllString(strings.Join(values, " & "), "N")
			said = append(said, name+": "+value)
		}
	}
	return strings.Join(said, ", ")
}
