package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// The answers of the daemon against the published descriptions of the API: each
// operation of five versions is called, the status must be one that the
// description lists, and the body must be as its schema says.

type conformance struct {
	t       *testing.T
	d       *daemonproc.Daemon
	api     *description
	version string
	calls   int
	faults  map[string]int
	done    map[string]bool   // operations that have succeeded
	kept    map[string]string // of answers, for later requests
}

// TestConformance prints one line of summary, and each kind of fault once. With
// UPDATE=1 it writes docs/api/conformance.md.
func TestConformance(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/moby/api").Output()
	if err != nil {
		t.Fatalf("where are the descriptions? %v", err)
	}
	d := daemonproc.Start(t, daemonproc.Options{})
	registry := conformanceRegistry(t)
	operations, succeeded, calls, bad, excused := 0, 0, 0, 0, 0
	list := differences()
	seen := make([]bool, len(list))
	versions := []string{"1.25", "1.32", "1.41", "1.51", "1.55"}
	for _, version := range versions {
		path := filepath.Join(strings.TrimSpace(string(out)), "docs", "v"+version+".yaml")
		c := &conformance{t: t, d: d, api: readDescription(t, path), version: version, faults: map[string]int{}, done: map[string]bool{}, kept: map[string]string{}}
		operations += c.run(registry)
		calls += c.calls
		succeeded += len(c.done)
		for _, fault := range slices.Sorted(maps.Keys(c.faults)) {
			if i := justified(list, version, fault); i >= 0 {
				seen[i] = true
				excused++
				continue
			}
			bad++
			t.Errorf("v%s %s (%d times)", version, fault, c.faults[fault])
		}
	}
	for i, d := range list {
		if !seen[i] {
			bad++
			t.Errorf("no answer differs as %q justifies", d.words)
		}
	}
	verdict := "all valid"
	if bad > 0 {
		verdict = fmt.Sprintf("%d kinds of fault", bad)
	}
	line := fmt.Sprintf("conformance: %d versions, %d operations, of which %d can succeed and did, %d calls, %s (%d differences are justified, by %d reasons)",
		len(versions), operations, succeeded, calls, verdict, excused, len(list))
	t.Log(line)
	if os.Getenv("UPDATE") == "" || bad > 0 {
		return
	}
	if err := os.WriteFile("../docs/api/conformance.md", []byte(conformancePage(line)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run calls every operation of the version, first as it should be, then with what
// is missing or wrong, reading ones first, removing ones last. It tells how many
// operations there are.
func (c *conformance) run(registry string) int {
	c.objects()
	c.valid(registry)
	n := 0
	for _, method := range []string{"head", "get", "put", "post", "delete"} {
		for _, path := range slices.Sorted(maps.Keys(c.api.Paths)) {
			op, ok := c.api.Paths[path][method]
			if !ok {
				continue
			}
			n++
			c.operation(strings.ToUpper(method), path, op)
		}
	}
	c.d.Docker("rm", "-f", c.name(), c.name()+"-ended")
	return n
}

func (c *conformance) name() string { return "conform-" + strings.ReplaceAll(c.version, ".", "-") }

// objects makes what the paths of the version name.
func (c *conformance) objects() {
	c.t.Helper()
	n := c.name()
	c.d.Must(c.t, "volume", "create", "--label", "a=b", n)
	c.d.Must(c.t, "network", "create", "--label", "a=b", n)
	c.d.Must(c.t, "tag", "busybox", n)
	c.d.Must(c.t, "run", "-d", "--name", n, "-p", "80", "-v", n+":/v", "--label", "a=b", "--net", n, "--health-cmd", "true", "busybox", "sleep", "600")
	c.d.Must(c.t, "run", "--name", n+"-ended", "busybox", "sh", "-c", "echo out; echo err >&2")
}

// operation makes the calls of one operation: on something that is there, on
// something that is not, and with parameters that are missing or of the wrong kind.
func (c *conformance) operation(method, path string, op operation) {
	query := url.Values{}
	body := ""
	for _, p := range op.Parameters {
		if p.In == "body" {
			body = "{}"
		}
	}
	quiet(method, path, query)
	if strings.Contains(path, "{") {
		c.call(method, path, op, "nobody", query, body)
	}
	if holds(method, path) {
		return
	}
	c.call(method, path, op, c.name(), query, body)
	for _, wrong := range c.wrongQueries(op, query) {
		c.call(method, path, op, c.name(), wrong, body)
	}
	if body == "" {
		return
	}
	for _, wrong := range append([]string{`{"`, `[]`, `7`, ``}, c.wrongBodies(op)...) {
		if status := c.call(method, path, op, c.name(), query, wrong); status < 300 && wrong != "" && !lenient(path, wrong) {
			c.faults[fmt.Sprintf("%s %s: %s is taken with %d", method, path, wrong, status)]++
		}
	}
}

// quiet sets what lets an answer end by itself and keeps calls from doing harm.
func quiet(method, path string, query url.Values) {
	switch path {
	case "/events":
		query.Set("since", "0")
		query.Set("until", "1")
	case "/containers/{id}/stats":
		query.Set("stream", "false")
	case "/containers/{id}/logs":
		query.Set("stdout", "1")
	case "/containers/{id}/archive":
		query.Set("path", "/etc")
	case "/containers/{id}/stop", "/containers/{id}/restart":
		query.Set("t", "0")
	case "/images/create":
		query.Set("fromImage", "127.0.0.1:1/nothing")
	case "/images/search":
		query.Set("term", "nothing")
	}
	if method == http.MethodDelete && path == "/containers/{id}" {
		query.Set("force", "1")
	}
}

// holds says which operations take over the connection or wait for what does
// not come: they are called for things that are not there only.
func holds(method, path string) bool {
	switch path {
	case "/containers/{id}/attach", "/containers/{id}/attach/ws", "/containers/{id}/wait", "/exec/{id}/start",
		"/session", "/grpc", "/images/search", "/auth", "/containers/{id}/export", "/images/{name}/get", "/images/get":
		return true
	}
	return false
}

// call sends a request and gives the status of the answer, whose body is checked.
func (c *conformance) call(method, path string, op operation, name string, query url.Values, body string) int {
	header := http.Header{}
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	status, _ := c.send(method, path, op, name, query.Encode(), strings.NewReader(body), header)
	return status
}

func (c *conformance) send(method, path string, op operation, name, query string, body io.Reader, header http.Header) (int, []byte) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	target := strings.NewReplacer("{id}", name, "{name}", name).Replace(path)
	req, err := http.NewRequestWithContext(ctx, method, "http://docker/v"+c.version+target+"?"+query, body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = header
	c.calls++
	resp, err := c.d.HTTP().Do(req)
	if err != nil {
		c.faults[fmt.Sprintf("%s %s: %v", method, path, err)]++
		return 0, nil
	}
	defer resp.Body.Close()
	s, listed := c.api.answer(op, resp.StatusCode)
	if !listed {
		c.faults[fmt.Sprintf("%s %s: status %d is not listed", method, path, resp.StatusCode)]++
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, nil // the connection is a stream now
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		c.faults[fmt.Sprintf("%s %s: %d, then %v", method, path, resp.StatusCode, err)]++
		return resp.StatusCode, nil
	}
	if kind := resp.Header.Get("Content-Type"); listed && kind == "application/json" && len(bytes.TrimSpace(data)) > 0 {
		c.validate(fmt.Sprintf("%s %s: %d", method, path, resp.StatusCode), s, data)
	}
	return resp.StatusCode, data
}

// validate checks a document, or the messages of a stream one after the other.
func (c *conformance) validate(what string, s *schema, data []byte) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	for decoder.More() {
		var v any
		if err := decoder.Decode(&v); err != nil {
			c.faults[fmt.Sprintf("%s: %v", what, err)]++
			return
		}
		for _, fault := range c.api.check(s, v, "") {
			c.faults[what+": "+fault]++
		}
	}
}
