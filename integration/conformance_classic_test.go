package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/registry/registrytest"
)

// The answers of the classic versions against the published descriptions, which are
// texts with an example of each answer: every member of an example must be in ours,
// in the same place and of the same type.

// classicCall is a request whose answer has an example. NAME is the object.
type classicCall struct{ op, query, body string }

func classicCalls(registry string) []classicCall {
	return []classicCall{
		{"GET /containers/json", "all=1&size=1", ""},
		{"POST /containers/create", "", `{"Image":"busybox","Cmd":["true"]}`},
		{"GET /containers/NAME/json", "size=1", ""},
		{"GET /containers/NAME/top", "", ""},
		{"GET /containers/NAME/changes", "", ""},
		{"GET /containers/NAME/stats", "stream=0", ""},
		{"POST /containers/NAME/wait", "", ""},
		{"POST /containers/NAME/update", "", `{"CpuShares":100}`},
		{"POST /containers/NAME/exec", "", `{"Cmd":["true"],"AttachStdout":true}`},
		{"GET /exec/NAME/json", "", ""},
		{"GET /images/json", "all=1", ""},
		{"GET /images/NAME/json", "", ""},
		{"GET /images/NAME/history", "", ""},
		{"GET /images/search", "term=" + registry + "/x", ""},
		{"DELETE /images/NAME", "", ""},
		{"POST /auth", "", `{"username":"u","password":"p","email":"e@x","serveraddress":"` + registry + `"}`},
		{"GET /info", "", ""},
		{"GET /version", "", ""},
		{"POST /commit", "container=classic&repo=made", "{}"},
		{"GET /events", "since=1&until=" + strconv.FormatInt(time.Now().Unix()+2, 10), ""},
		{"GET /volumes", "", ""},
		{"POST /volumes/create", "", `{"Name":"made","Labels":{"a":"b"}}`},
		{"GET /volumes/NAME", "", ""},
		{"GET /networks", "", ""},
		{"GET /networks/NAME", "", ""},
		{"POST /networks/create", "", `{"Name":"UNIQUE"}`},
	}
}

func TestClassicConformance(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/moby/api").Output()
	if err != nil {
		t.Fatalf("where are the descriptions? %v", err)
	}
	d := daemonproc.Start(t, daemonproc.Options{})
	registry := registrytest.New(t, registrytest.Options{})
	registry.Find([]map[string]any{{"name": "x", "description": "d", "is_official": true, "is_trusted": false, "is_automated": false, "star_count": 1}}...)
	d.Must(t, "run", "-d", "--name", "classic", "-p", "80", "-v", "made:/v", "--label", "a=b", "busybox", "sh", "-c", "echo > /new; exec sleep 1000")
	d.Must(t, "run", "--name", "classic-ended", "busybox", "true")
	d.Must(t, "commit", "classic", "classic-made")
	c := &conformance{t: t, d: d, api: new(description), faults: map[string]int{}, done: map[string]bool{}}
	compared, members := 0, 0
	for minor := 6; minor <= 24; minor++ {
		c.version = "1." + strconv.Itoa(minor)
		examples := readExamples(t, filepath.Join(strings.TrimSpace(string(out)), "docs", "v"+c.version+".md"))
		made := map[string]string{"/exec/": ""}
		for _, call := range classicCalls(registry.Host()) {
			answer := c.classic(call, made)
			for _, example := range examples[call.op] {
				if answer == nil && strings.HasSuffix(call.op, "/stats") {
					continue
				}
				compared++
				members += c.like(call.op, example, answer)
			}
		}
	}
	for _, fault := range slices.Sorted(maps.Keys(c.faults)) {
		t.Error(fault)
	}
	for _, d := range classicDifferences() {
		if !c.done[d[0]] {
			t.Errorf("no answer differs as %q justifies", d[0])
		}
	}
	t.Logf("classic conformance: API 1.6 to 1.24, %d examples of answers, %d members", compared, members)
	if compared < 250 || members < 3900 {
		t.Errorf("%d examples with %d members were found: what has become of the descriptions?", compared, members)
	}
}

// classic makes a call and gives the answer, decoded; of a stream, its first message.
func (c *conformance) classic(call classicCall, made map[string]string) any {
	c.t.Helper()
	method, path, _ := strings.Cut(call.op, " ")
	name := "busybox"
	switch {
	case strings.HasSuffix(path, "/stats") && len(c.version) < len("1.19"), strings.HasSuffix(path, "/stats") && c.version < "1.19":
		return nil // a stream without an end
	case strings.HasSuffix(path, "/wait"):
		name = "classic-ended"
	case strings.HasPrefix(path, "/containers/"):
		name = "classic"
	case method == http.MethodGet && path == "/images/NAME/json":
		name = "classic-made"
	case strings.HasPrefix(path, "/exec/"):
		name = made["/exec/"]
	case strings.HasPrefix(path, "/volumes/"):
		name = "made"
	case strings.HasPrefix(path, "/networks/"):
		name = "bridge"
	case method == http.MethodDelete:
		c.d.Must(c.t, "tag", "busybox", "gone")
		name = "gone"
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel() // ends what streams, as statistics before 1.19
	req, err := http.NewRequestWithContext(ctx, method, "http://docker/v"+c.version+strings.ReplaceAll(path, "NAME", name)+"?"+call.query,
		strings.NewReader(strings.ReplaceAll(call.body, "UNIQUE", "made-"+c.version)))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.d.HTTP().Do(req)
	if err != nil {
		c.faults[fmt.Sprintf("v%s %s: %v", c.version, call.op, err)]++
		return nil
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		if resp.StatusCode != http.StatusNotFound || !strings.Contains(string(text), "page not found") { // else it came later
			c.faults[fmt.Sprintf("v%s %s: %d %s", c.version, call.op, resp.StatusCode, text)]++
		}
		return nil
	}
	var v any
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil && err != io.EOF {
		c.faults[fmt.Sprintf("v%s %s: %v", c.version, call.op, err)]++
	}
	if strings.HasPrefix(path, "/networks/create") {
		c.d.Must(c.t, "network", "rm", "made-"+c.version)
	}
	if m, ok := v.(map[string]any); ok && strings.HasSuffix(path, "/exec") {
		made["/exec/"], _ = m["Id"].(string)
	}
	return v
}

// like compares an answer with an example and gives how many members were compared.
func (c *conformance) like(op string, example, answer any) int {
	if answer == nil {
		c.faults[fmt.Sprintf("v%s %s: no answer, though there is an example", c.version, op)]++
		return 0
	}
	n := 0
	var compare func(at string, want, got any)
	fault := func(at, format string, args ...any) {
		what := op + ": " + at + ": " + fmt.Sprintf(format, args...)
		if !classicJustified(what, c.done) {
			c.faults["v"+c.version+" "+what]++
		}
	}
	compare = func(at string, want, got any) {
		n++
		switch want := want.(type) {
		case nil:
		case map[string]any:
			object, ok := got.(map[string]any)
			if !ok {
				if got != nil {
					fault(at, "%T, want an object", got)
				}
				return
			}
			if keyedByData(at) {
				return
			}
			for _, name := range slices.Sorted(maps.Keys(want)) {
				member, ok := object[name]
				if !ok {
					fault(at+"."+name, "absent")
					continue
				}
				compare(at+"."+name, want[name], member)
			}
		case []any:
			list, ok := got.([]any)
			if !ok {
				if got != nil {
					fault(at, "%T, want a list", got)
				}
				return
			}
			if len(want) > 0 && len(list) > 0 {
				compare(at+"[]", want[0], list[0])
			}
		default:
			if kindOf(want) != kindOf(got) {
				fault(at, "%s, want %s", kindOf(got), kindOf(want))
			}
		}
	}
	compare("", example, answer)
	return n
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "a text"
	case int, int64, uint64, float64, json.Number:
		return "a number"
	}
	return fmt.Sprintf("%T", v)
}

// keyedByData tells which objects have keys that are data.
func keyedByData(at string) bool {
	last := at[strings.LastIndexByte(at, '.')+1:]
	return slices.Contains([]string{
		"Volumes", "VolumesRW", "Labels", "Ports", "PortBindings", "ExposedPorts", "Networks", "Options", "Tmpfs", "Sysctls",
		"Data", "Containers", "StorageOpt", "IndexConfigs", "PortMapping", "networks", "network", "stats", "Attributes",
	}, last) || strings.HasSuffix(at, "LogConfig.Config")
}

var (
	operationPattern = regexp.MustCompile("`(GET|POST|DELETE) (/[^`?]*)[^`]*`")
	namePattern      = regexp.MustCompile(`\([^)]*\)|<[^>]*>`)
)

// readExamples reads the successful answers of a description, by operation. What is
// no JSON, as the bytes of streams, is left out.
func readExamples(t *testing.T, file string) map[string][]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	examples := map[string][]any{}
	op := ""
	for i := 0; i < len(lines); i++ {
		if m := operationPattern.FindStringSubmatch(lines[i]); m != nil {
			op = m[1] + " " + namePattern.ReplaceAllString(strings.TrimSpace(m[2]), "NAME")
		}
		if !strings.Contains(lines[i], "HTTP/1.1 20") {
			continue
		}
		for i < len(lines) && strings.TrimSpace(lines[i]) != "" {
			i++
		}
		var body []string
		for i++; i < len(lines) && (strings.HasPrefix(lines[i], "    ") || strings.HasPrefix(lines[i], "\t")); i++ {
			body = append(body, lines[i])
		}
		if v, ok := parseExample(strings.Join(body, "\n")); ok {
			examples[op] = append(examples[op], v)
		}
	}
	return examples
}

// parseExample reads an example. Some have commas too many or quotes too few, which
// YAML does not mind.
func parseExample(text string) (v any, ok bool) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\t", "    "))
	if text == "" || text[0] != '{' && text[0] != '[' {
		return nil, false
	}
	if json.NewDecoder(strings.NewReader(text)).Decode(&v) == nil {
		return v, true
	}
	if yaml.Unmarshal([]byte(text), &v) != nil {
		return nil, false
	}
	_, isMap := v.(map[string]any)
	_, isList := v.([]any)
	return v, isMap || isList
}

// classicJustified tells what the examples have and no daemon does.
func classicJustified(fault string, seen map[string]bool) bool {
	for _, d := range classicDifferences() {
		if strings.Contains(fault, d[0]) {
			seen[d[0]] = true
			return true
		}
	}
	return false
}

// classicDifferences are parts of faults, and why they are none.
func classicDifferences() [][2]string {
	return [][2]string{
		{"GET /events: .from: absent", "images have none"},
		{"a number, want true or false", "daemons of the time sent 0 and 1, as the examples from 1.11 on show"},
		{"onfig.Dns: absent", "went to the HostConfig"},
		{"onfig.VolumesFrom: absent", "went to the HostConfig"},
		{"onfig.Memory: absent", "went to the HostConfig"},
		{"onfig.MemorySwap: absent", "went to the HostConfig"},
		{"onfig.PortSpecs: absent", "went out of use before 1.6"},
		{"onfig.PublishService: absent", "was in experimental builds only"},
		{"onfig.MacAddress: absent", "is left out when empty"},
		{"onfig.NetworkDisabled: absent", "is left out when false"},
		{"onfig.StopSignal: absent", "is left out when empty"},
		{"onfig.StorageOpt: absent", "is left out when empty"},
		{"onfig.Sysctls: absent", "is left out when empty"},
		{"GET /containers/NAME/json: .Id: absent", "it is ID below 1.12"},
		{"NetworkSettings.Ip", "it is IPAddress and IPPrefixLen"},
		{".State.Ghost: absent", "there are no ghosts any more"},
		{".SysInitPath: absent", "there is no such file any more"},
		{"OomKillDisable: null", "null is: as the kernel has it"},
		{"onfig.KernelMemory: absent", "is left out when it is not set; kernels of today have no such limit"},
		{"GET /exec/NAME/json: .Container.", "the container within is what 1.15 made of it: examples have one of a later daemon"},
		{"GET /exec/NAME/json: .ProcessConfig.user: absent", "is left out when empty"},
		{"GET /exec/NAME/json: .ExitCode: null", "null is: it has not ended"},
		{"/exec: .Warnings: absent", "there are none"},
		{"GET /version: .Experimental: absent", "is left out when false"},
		{"GET /version: .BuildTime: absent", "is left out by a build without a date"},
		{"GET /info: .ClusterStore: absent", "there is none"},
		{"GET /info: .Init", "there is no such file outside the engine"},
		{"GET /info: .SystemStatus: absent", "is of the swarm of its own program"},
		{"POST /auth: .IdentityToken: absent", "is left out when the registry gives none"},
		{".Status: absent", "volumes of the local driver have none"},
		{"GET /images/search: [].", "the members are in small letters"},
	}
}
