package integration

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/registry/registrytest"
)

// good is a call with valid parameters.
type good struct {
	op     string // METHOD PATH, as in the description
	name   string // for {id} or {name}
	query  string
	body   string // JSON, or "@KEPT": an archive that was kept
	status int
	keep   string // what the answer is kept as: its Id, or all of an archive
}

// valid calls every operation that an engine of one host has, in an order in which
// each must succeed.
func (c *conformance) valid(registry string) {
	c.t.Helper()
	c.kept["context"] = string(tarOf(c.t, "Dockerfile", "FROM busybox\nRUN true\nLABEL a=b\n"))
	c.kept["file"] = string(tarOf(c.t, "file", "text"))
	for _, g := range c.goods(c.name(), registry) {
		method, path, _ := strings.Cut(g.op, " ")
		op, ok := c.api.Paths[path][strings.ToLower(method)]
		if !ok {
			continue // it came later
		}
		c.good(g, method, path, op)
	}
	for path, methods := range c.api.Paths {
		for method := range methods {
			if name := strings.ToUpper(method) + " " + path; !c.done[name] && !ofOthers(name) {
				c.faults[name+": no valid call"]++
			}
		}
	}
}

func (c *conformance) good(g good, method, path string, op operation) {
	header := http.Header{}
	for name, value := range map[string]string{"X-Registry-Auth": registryAuth(), "Content-Type": "application/json"} {
		header.Set(name, value)
	}
	body := io.Reader(strings.NewReader(g.body))
	if name, archive := strings.CutPrefix(g.body, "@"); archive {
		header.Set("Content-Type", "application/x-tar")
		body = strings.NewReader(c.kept[name])
	}
	if strings.HasSuffix(path, "/ws") {
		header.Set("Connection", "Upgrade")
		header.Set("Upgrade", "websocket")
		header.Set("Sec-WebSocket-Version", "13")
		header.Set("Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(make([]byte, 16)))
	}
	if kept, ok := strings.CutPrefix(g.name, "$"); ok {
		g.name = c.kept[kept]
	}
	status, answer := c.send(method, path, op, g.name, g.query, body, header)
	if status != g.status {
		c.faults[fmt.Sprintf("%s %s?%s of %s %s: %d and not %d: %s", method, path, g.query, g.name, g.body, status, g.status, answer)]++
		return
	}
	if bytes.Contains(answer, []byte(`"errorDetail"`)) {
		c.faults[fmt.Sprintf("%s %s?%s: %s", method, path, g.query, answer)]++
		return
	}
	c.done[g.op] = true
	if g.keep == "" {
		return
	}
	var made struct{ ID string }
	if json.Unmarshal(answer, &made) == nil && made.ID != "" {
		answer = []byte(made.ID)
	}
	c.kept[g.keep] = string(answer)
}

// ofOthers are operations of engines in a swarm, with managed plugins, with a
// BuildKit, or whose images have attestations.
func ofOthers(operation string) bool {
	method, path, _ := strings.Cut(operation, " ")
	if method == http.MethodPut && path == "/volumes/{name}" {
		return true // of a swarm
	}
	for _, prefix := range []string{"/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs", "/plugins/", "/session", "/grpc", "/images/{name}/attestations"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// goods are the calls. Things that are there before are those of objects.
func (c *conformance) goods(n, registry string) []good {
	made, remote := n+"-made", registry+"/"+n
	config := `{"Image":"busybox","Cmd":["sh","-c","echo out; exec sleep 600"],"Labels":{"a":"b"},"ExposedPorts":{"80/tcp":{}},
		"HostConfig":{"PortBindings":{"80/tcp":[{}]},"Binds":["` + n + `:/v"],"NetworkMode":"` + n + `"}}`
	return []good{
		{op: "POST /containers/create", query: "name=" + made, body: config, status: 201},
		{op: "POST /containers/{id}/start", name: made, status: 204},
		{op: "POST /containers/{id}/start", name: made, status: 304},
		{op: "GET /containers/json", query: "all=1&size=1", status: 200},
		{op: "GET /containers/{id}/json", name: made, query: "size=1", status: 200},
		{op: "GET /containers/{id}/json", name: n + "-ended", status: 200},
		{op: "GET /containers/{id}/top", name: made, query: "ps_args=aux", status: 200},
		{op: "GET /containers/{id}/logs", name: made, query: "stdout=1&stderr=1&timestamps=1&tail=5", status: 200},
		{op: "GET /containers/{id}/changes", name: made, status: 200},
		{op: "GET /containers/{id}/export", name: made, status: 200, keep: "export"},
		{op: "GET /containers/{id}/stats", name: made, query: "stream=0&one-shot=1", status: 200},
		{op: "POST /containers/{id}/resize", name: made, query: "h=20&w=80", status: 200},
		{op: "POST /containers/{id}/attach", name: n + "-ended", query: "logs=1&stdout=1", status: 200},
		{op: "GET /containers/{id}/attach/ws", name: made, query: "logs=1&stdout=1", status: 101},
		{op: "POST /containers/{id}/exec", name: made, body: `{"Cmd":["sleep","60"],"Tty":true,"AttachStdout":true}`, status: 201, keep: "exec"},
		{op: "POST /exec/{id}/start", name: "$exec", body: `{"Detach":true}`, status: 200},
		{op: "POST /exec/{id}/resize", name: "$exec", query: "h=20&w=80", status: 200},
		{op: "GET /exec/{id}/json", name: "$exec", status: 200},
		{op: "HEAD /containers/{id}/archive", name: made, query: "path=/etc", status: 200},
		{op: "GET /containers/{id}/archive", name: made, query: "path=/etc/hosts", status: 200},
		{op: "PUT /containers/{id}/archive", name: made, query: "path=/etc", body: "@file", status: 200},
		{op: "POST /containers/{id}/update", name: made, body: `{"CpuShares":100,"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":2}}`, status: 200},
		{op: "POST /containers/{id}/pause", name: made, status: 204},
		{op: "GET /containers/{id}/json", name: made, status: 200},
		{op: "POST /containers/{id}/unpause", name: made, status: 204},
		{op: "POST /containers/{id}/rename", name: made, query: "name=" + made + "2", status: 204},
		{op: "POST /containers/{id}/restart", name: made + "2", query: "t=0", status: 204},
		{op: "POST /containers/{id}/kill", name: made + "2", query: "signal=KILL", status: 204},
		{op: "POST /containers/{id}/wait", name: made + "2", status: 200},
		{op: "POST /containers/{id}/wait", name: n + "-ended", status: 200},
		{op: "POST /containers/{id}/stop", name: n, query: "t=0", status: 204},
		{op: "POST /containers/{id}/stop", name: n, query: "t=0", status: 304},
		{op: "POST /containers/{id}/start", name: n, status: 204},
		{op: "POST /commit", query: "container=" + made + "2&repo=" + n + "&tag=two&comment=c&author=a&changes=" + url.QueryEscape("LABEL x=y"), body: "{}", status: 201},
		{op: "GET /images/json", query: "all=1&digests=1", status: 200},
		{op: "GET /images/{name}/json", name: n + ":two", status: 200},
		{op: "GET /images/{name}/history", name: n + ":two", status: 200},
		{op: "POST /images/{name}/tag", name: n + ":two", query: "repo=" + remote + "&tag=latest", status: 201},
		{op: "POST /images/{name}/push", name: remote, query: "tag=latest", status: 200},
		{op: "GET /distribution/{name}/json", name: remote + ":latest", status: 200},
		{op: "POST /images/create", query: "fromImage=" + remote + "&tag=latest", status: 200},
		{op: "POST /images/create", query: "fromSrc=-&repo=" + n + "&tag=imported", body: "@export", status: 200},
		{op: "GET /images/search", query: "term=" + remote, status: 200},
		{op: "GET /images/{name}/get", name: n + ":two", status: 200, keep: "saved"},
		{op: "GET /images/get", query: "names=" + n + ":two&names=busybox", status: 200},
		{op: "POST /images/load", query: "quiet=1", body: "@saved", status: 200},
		{op: "DELETE /images/{name}", name: n + ":imported", status: 200},
		{op: "POST /auth", body: `{"username":"u","password":"p","serveraddress":"` + registry + `"}`, status: 200},
		{op: "POST /build", query: "t=" + n + ":built&rm=1", body: "@context", status: 200},
		{op: "POST /build/prune", status: 200},
		{op: "GET /info", status: 200},
		{op: "GET /version", status: 200},
		{op: "GET /_ping", status: 200},
		{op: "HEAD /_ping", status: 200},
		{op: "GET /events", query: "since=1&until=" + strconv.FormatInt(time.Now().Unix(), 10), status: 200},
		{op: "GET /system/df", status: 200},
		{op: "GET /plugins", status: 200},
		{op: "GET /volumes", status: 200},
		{op: "POST /volumes/create", body: `{"Name":"` + n + `-made","Driver":"local","Labels":{"a":"b"}}`, status: 201},
		{op: "GET /volumes/{name}", name: n, status: 200},
		{op: "DELETE /volumes/{name}", name: n + "-made", status: 204},
		{op: "GET /networks", status: 200},
		{op: "POST /networks/create", body: `{"Name":"` + n + `-made","CheckDuplicate":true,"Labels":{"a":"b"}}`, status: 201},
		{op: "GET /networks/{id}", name: n, status: 200},
		{op: "POST /networks/{id}/connect", name: n + "-made", body: `{"Container":"` + n + `","EndpointConfig":{"Aliases":["x"]}}`, status: 200},
		{op: "GET /containers/{id}/json", name: n, status: 200},
		{op: "POST /networks/{id}/disconnect", name: n + "-made", body: `{"Container":"` + n + `","Force":true}`, status: 200},
		{op: "DELETE /networks/{id}", name: n + "-made", status: 204},
		{op: "DELETE /containers/{id}", name: made + "2", query: "force=1&v=1", status: 204},
		{op: "POST /containers/prune", query: "filters=" + url.QueryEscape(`{"label":["none"]}`), status: 200},
		{op: "POST /images/prune", status: 200},
		{op: "POST /networks/prune", query: "filters=" + url.QueryEscape(`{"label":["none"]}`), status: 200},
		{op: "POST /volumes/prune", query: "filters=" + url.QueryEscape(`{"label":["none"]}`), status: 200},
	}
}

func registryAuth() string {
	return base64.URLEncoding.EncodeToString([]byte(`{"username":"u","password":"p"}`))
}

// conformanceRegistry is one that can be searched, too.
func conformanceRegistry(t *testing.T) string {
	t.Helper()
	return registrytest.New(t, registrytest.Options{}).Host()
}
