package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	notManager = `{"message":"This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."}`
	noPluginX  = `{"message":"plugin \"X\" not found"}`
)

// absentCases has, for every row of what this engine does not have, a request that is
// well formed, and the answer: what dockerd 20.10 says in no swarm and without plugins.
// Where that would go and do it, the sentence is ours.
var absentCases = map[string]struct {
	query, body string
	code        int
	answer      string
}{
	"GET /configs":               {"?filters={}", "", 503, notManager},
	"POST /configs/create":       {"", "{}", 503, notManager},
	"DELETE /configs/X":          {"", "", 503, notManager},
	"GET /configs/X":             {"", "", 503, notManager},
	"POST /configs/X/update":     {"?version=1", "{}", 503, notManager},
	"GET /nodes":                 {"", "", 503, notManager},
	"DELETE /nodes/X":            {"", "", 503, notManager},
	"GET /nodes/X":               {"", "", 503, notManager},
	"POST /nodes/X/update":       {"?version=7", "{}", 503, notManager},
	"GET /secrets":               {"", "", 503, notManager},
	"POST /secrets/create":       {"", "{}", 503, notManager},
	"DELETE /secrets/X":          {"", "", 503, notManager},
	"GET /secrets/X":             {"", "", 503, notManager},
	"POST /secrets/X/update":     {"?version=1", "{}", 503, notManager},
	"GET /services":              {"", "", 503, notManager},
	"POST /services/create":      {"", `{"Name":"x"}`, 503, notManager},
	"DELETE /services/X":         {"", "", 503, notManager},
	"GET /services/X":            {"", "", 503, notManager},
	"GET /services/X/logs":       {"?stdout=1", "", 503, notManager},
	"POST /services/X/update":    {"?version=1", "{}", 503, notManager},
	"GET /tasks":                 {"", "", 503, notManager},
	"GET /tasks/X":               {"", "", 503, notManager},
	"GET /tasks/X/logs":          {"?stderr=1", "", 503, notManager},
	"GET /swarm":                 {"", "", 503, notManager},
	"POST /swarm/init":           {"", "{}", 501, `{"message":"this engine has no swarm mode: use it on each host, or with a manager of another kind"}`},
	"POST /swarm/join":           {"", "{}", 501, `{"message":"this engine has no swarm mode: use it on each host, or with a manager of another kind"}`},
	"POST /swarm/leave":          {"?force=1", "", 503, `{"message":"This node is not part of a swarm"}`},
	"POST /swarm/unlock":         {"", "{}", 503, notManager},
	"GET /swarm/unlockkey":       {"", "", 503, notManager},
	"POST /swarm/update":         {"?version=1", "{}", 503, notManager},
	"GET /plugins":               {"?filters={}", "", 200, "[]"},
	"POST /plugins/create":       {"?name=a/b", "tar", 501, `{"message":"this engine has no managed plugins: drivers are built in"}`},
	"GET /plugins/privileges":    {"?remote=a/b", "", 501, `{"message":"this engine has no managed plugins: drivers are built in"}`},
	"POST /plugins/pull":         {"?remote=a/b", "[]", 501, `{"message":"this engine has no managed plugins: drivers are built in"}`},
	"DELETE /plugins/X":          {"", "", 404, noPluginX},
	"GET /plugins/X/json":        {"", "", 404, noPluginX},
	"POST /plugins/X/disable":    {"", "", 404, noPluginX},
	"POST /plugins/X/enable":     {"?timeout=0", "", 404, noPluginX},
	"POST /plugins/X/push":       {"", "", 404, noPluginX},
	"POST /plugins/X/set":        {"", "[]", 404, noPluginX},
	"POST /plugins/X/upgrade":    {"?remote=a/b", "[]", 404, noPluginX},
	"POST /grpc":                 {"", "", 400, `{"message":"no upgrade proto in request"}`},
	"POST /session":              {"", "", 400, `{"message":"no upgrade proto in request"}`},
	"GET /images/X/attestations": {"", "", 501, `{"message":"attestations of images are not kept by this engine's image store"}`},
	"PUT /volumes/X":             {"?version=1", "{}", 503, `{"message":"volume update only valid for cluster volumes, but swarm is unavailable"}`},
}

func TestAbsent(t *testing.T) {
	b := newBench(t)
	seen := 0
	for _, row := range routes() {
		id := row.method + " " + strings.NewReplacer("{name:.+}", "X", "{name}", "X").Replace(row.path)
		c, ok := absentCases[id]
		if !ok {
			continue
		}
		seen++
		for _, prefix := range []string{"", "/v1.25", "/v1.41"} {
			w := b.do(row.method, prefix+strings.TrimPrefix(id, row.method+" ")+c.query, c.body)
			if w.Code != c.code || w.Body.String() != c.answer+"\n" {
				t.Errorf("%s %s: %d %s", prefix, id, w.Code, w.Body)
			}
		}
	}
	if seen != len(absentCases) {
		t.Errorf("%d cases, %d used", len(absentCases), seen)
	}
}

// TestAbsent_BadInput: what could never work is said before what there is not.
func TestAbsent_BadInput(t *testing.T) {
	b := newBench(t)
	for request, body := range map[string]string{
		"GET /nodes?filters=x":             "",
		"GET /plugins?filters=x":           "",
		"GET /services/X/logs":             "",
		"GET /tasks/X/logs?stdout=0":       "",
		"POST /services/create":            "",
		"POST /swarm/unlock":               "",
		"POST /swarm/init":                 "x",
		"POST /swarm/join":                 `"x"`,
		"POST /secrets/create":             "[]",
		"POST /secrets/X/update":           "{}",
		"POST /swarm/update?version=x":     "{}",
		"POST /nodes/X/update?version=-1":  "{}",
		"POST /configs/X/update?version=1": "{} {}",
		"PUT /volumes/X?version=":          "{}",
		"GET /plugins/privileges":          "",
		"POST /plugins/create":             "",
	} {
		method, path, _ := strings.Cut(request, " ")
		if w := b.do(method, path, body); w.Code != http.StatusBadRequest {
			t.Errorf("%s %s: %d %s", request, body, w.Code, w.Body)
		}
	}
}

// TestSession: BuildKit is told what to do.
func TestSession(t *testing.T) {
	r := httptest.NewRequest("POST", "/v1.41/session", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "h2c")
	w := httptest.NewRecorder()
	newBench(t).srv.Handler("").ServeHTTP(w, r)
	if w.Code != http.StatusNotImplemented || !strings.Contains(w.Body.String(), "DOCKER_BUILDKIT=0") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
