package integration

import (
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestVersionBounds: every version between the oldest and the newest is spoken on
// every kind of path, and what is beyond is told so in the form of its time.
func TestVersionBounds(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, NoImage: true})
	send := func(target string) string {
		r := badRequest{method: "GET", target: target}
		return r.send(t, d.Socket())
	}
	for _, target := range []string{
		"/version", "/v" + api.MinVersion + "/version", "/v" + api.Version + "/version", "/v1.6/version", "/v1.9/_ping", "/v1.10/info",
		"/v1.18/containers/json", "/v1.23/images/json", "/v1.24/networks", "/v1.44/volumes", "/v" + api.Version + "/system/df",
	} {
		if got := send(target); got != "200" {
			t.Errorf("%s: %s", target, got)
		}
	}
	const old = ". Minimum supported API version is " + api.MinVersion + ", please upgrade your client to a newer version"
	for target, want := range map[string]string{
		"/v1.5/version":           "400 text: client version 1.5 is too old" + old,
		"/v0.99/containers/json":  "400 text: client version 0.99 is too old" + old,
		"/v1/_ping":               "400 text: client version 1.0 is too old" + old,
		"/v1.56/version":          "400 client version 1.56 is too new. Maximum supported API version is " + api.Version,
		"/v2.0/containers/x/json": "400 client version 2.0 is too new. Maximum supported API version is " + api.Version,
		"/v99999.1/version":       "400 client version 65535.1 is too new. Maximum supported API version is " + api.Version,
		"/v1.5/nosuch":            "404 text: 404 page not found",
		"/v1.56/nosuch":           "404 page not found",
		"/v1.24/x/nosuch":         "404 page not found",
		"/v1.23/containers/x/top": "404 text: No such container: x",
	} {
		if got := send(target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}
