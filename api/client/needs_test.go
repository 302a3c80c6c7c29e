package client

import (
	"net/http"
	"strings"
	"testing"

	"github.com/enginejobs/docker/pkg/mflag"
)

// A flag that a daemon is too old for is refused before anything is done.
func TestOldDaemons(t *testing.T) {
	for _, tt := range []struct{ version, line, want string }{
		{"1.24", "run --platform linux/amd64 --init x", `"--init" requires API version 1.25, but the Docker daemon API version is 1.24` + "\n" +
			`"--platform" requires API version 1.32, but the Docker daemon API version is 1.24`},
		{"1.31", "container create --platform linux/amd64 --init x", `"--platform" requires API version 1.32, but the Docker daemon API version is 1.31`},
		{"1.24", "container prune -f", "docker container prune requires API version 1.25, but the Docker daemon API version is 1.24"},
		{"1.38", "builder prune -f", "docker builder prune requires API version 1.39, but the Docker daemon API version is 1.38"},
		{"1.24", "exec -e A=1 x y", `"--env" requires API version 1.25, but the Docker daemon API version is 1.24`},
		{"1.12", "update -m 1g x", "docker update requires API version 1.22, but the Docker daemon API version is 1.12"},
		{"1.49", "rmi --platform linux/amd64 x", `"--platform" requires API version 1.50, but the Docker daemon API version is 1.49`},
		{"1.55", "run --cpu-count 1 --io-maxiops 1 x", `"--cpu-count" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux` + "\n" +
			`"--io-maxiops" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux`},
		{"1.55", "start --checkpoint a x", `"--checkpoint" is only supported on a Docker daemon with experimental features enabled`},
	} {
		d := newFake(t)
		d.version = tt.version
		d.routes["GET /version"] = answer(map[string]string{"ApiVersion": tt.version})
		done := 0
		for _, path := range []string{"POST /containers/create", "POST /containers/prune", "POST /build/prune", "POST /containers/x/exec", "POST /containers/x/update", "DELETE /images/x"} {
			d.routes[path] = func(http.ResponseWriter, *http.Request) { done++ }
		}
		docker(t, d, "", tt.line).want(t, 1, "", tt.want+"\n")
		if done != 0 {
			t.Errorf("%s: something was asked for: %q", tt.line, d.log())
		}
	}
}

// TestNeeds holds the table against the commands: what it names exists.
func TestNeeds(t *testing.T) {
	byName := make(map[string]*Command)
	for _, c := range commands() {
		if c.New != nil {
			byName[c.firstName()] = &c
		}
	}
	for _, n := range needs() {
		for _, name := range strings.Fields(n.commands) {
			c := byName[name]
			if c == nil {
				t.Errorf("there is no command %s", name)
				continue
			}
			for _, flag := range strings.Fields(n.flags) {
				set := new(mflag.Set)
				c.New(newTestCLI(nil, Streams{}), set)
				if err := set.Parse([]string{flag + "=1"}); err != nil && !strings.HasPrefix(err.Error(), "invalid") {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}
