package server

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/enginetest"
)

// notInTable are routes that dockerd serves elsewhere or not at all.
var notInTable = map[string]string{
	"GET /metrics":    "another port of dockerd",
	"GET /images/viz": "gone from dockerd",
}

// TestBadRequestsHaveEveryRoute: every route is among those that
// integration/badrequests_test.go sends bad requests to, as dockerd was sent them.
func TestBadRequestsHaveEveryRoute(t *testing.T) {
	table, err := os.ReadFile("../../integration/testdata/requests/bad.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := New(enginetest.New(t), Options{})
	met := map[string]bool{}
	for line := range strings.Lines(string(table)) {
		method, target, _ := strings.Cut(strings.TrimSpace(line), " ")
		if line[0] < 'A' || line[0] > 'Z' || !strings.HasPrefix(target, "/") || strings.ContainsAny(target, "\\ ") {
			continue
		}
		path, _, _ := strings.Cut(target, "?")
		if strings.ContainsAny(path, "%#") {
			continue // other requests have the route, too
		}
		x := &exchange{s: s, r: httptest.NewRequest(method, path, nil)}
		_, x.r.URL.Path, _ = splitVersion(cleanPath(path))
		if row := s.find(x); row != nil {
			met[row.method+" "+row.path] = true
		}
	}
	for _, row := range routes() {
		name := row.method + " " + row.path
		if why := notInTable[name]; met[name] == (why != "") {
			t.Errorf("%s: among the bad requests: %v, reason not to be: %q", name, met[name], why)
		}
	}
}
