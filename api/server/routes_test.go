package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// bench is a server on a bare engine.
type bench struct {
	t   testing.TB
	eng *engine.Engine
	srv *Server
}

func newBench(t testing.TB) *bench {
	eng := enginetest.New(t)
	return &bench{t: t, eng: eng, srv: New(eng, Options{Version: "1.5.0"})}
}

// do sends one request; body "" is none, and a JSON body gets its content type.
func (b *bench) do(method, path, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, path, nil)
	} else {
		r = httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	b.srv.Handler("").ServeHTTP(w, r)
	return w
}

func (b *bench) fake(name, stdout string) *enginetest.Recorder {
	f := enginetest.Fake(b.eng, name)
	f.Stdout = stdout
	return f
}

func TestRoutesAreSortedAndUnique(t *testing.T) {
	var paths []string
	seen := map[string]bool{}
	for _, row := range routes() {
		if id := row.method + " " + row.path; seen[id] {
			t.Errorf("%s is there twice", id)
		} else {
			seen[id] = true
		}
		paths = append(paths, row.path)
		if strings.HasPrefix(row.path, jobsPath) {
			t.Errorf("%s %s is shadowed by the jobs", row.method, row.path)
		}
	}
	if !sort.StringsAreSorted(paths) {
		t.Errorf("rows are not sorted by path: %q", paths)
	}
}

// routeCases has, for every row of the table, a request that succeeds, and what
// the job must have seen.
var routeCases = map[string]struct {
	query, body string
	stdout      string // of the fake job
	args        []string
	env         map[string]string
	code        int
	answer      string // "" is not compared
}{
	"GET /_ping":                  {code: 200, answer: "OK"},
	"HEAD /_ping":                 {code: 200},
	"POST /build":                 {query: "?t=a&t=b:1&dockerfile=D&nocache=1&q=0&rm=0&forcerm=0&buildargs=%7B%22a%22%3Anull%7D&labels=%7B%7D&memory=5&extrahosts=h:1.2.3.4&target=x&pull=yes&squash=1", body: "tar", stdout: "{}\n", env: map[string]string{"t": `["a","b:1"]`, "dockerfile": "D", "nocache": "1", "q": "0", "rm": "0", "forcerm": "0", "buildargs": `{"a":null}`, "labels": "{}", "memory": "5", "extrahosts": `["h:1.2.3.4"]`, "target": "x", "pull": "1", "squash": "1", "json": "1"}, code: 200, answer: "{}\n"},
	"POST /build/cancel":          {query: "?id=x", code: 200},
	"POST /build/prune":           {query: "?all=1&keep-storage=5&filters=%7B%22until%22%3A%5B%221h%22%5D%7D", stdout: `{"SpaceReclaimed":0}`, env: map[string]string{"all": "1", "keep-storage": "5", "filters": `{"until":["1h"]}`}, code: 200, answer: `{"SpaceReclaimed":0}`},
	"POST /commit":                {query: "?container=c1&repo=r&tag=t&changes=USER+x&comment=m", body: `{"User":"u"}`, stdout: "sha256:1\n", args: []string{"c1"}, env: map[string]string{"repo": "r", "tag": "t", "comment": "m", "pause": "1", "config": `{"Hostname":"","Domainname":"","User":"u","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null}`, "changes": `["USER x"]`}, code: 201, answer: `{"Id":"sha256:1"}` + "\n"},
	"POST /containers/create":     {query: "?name=web&platform=linux", body: `{"Image":"busybox"}`, stdout: `{"Id":"c1","Warnings":null}`, args: []string{"web"}, env: map[string]string{"Config": `{"Image":"busybox"}`, "Platform": "linux"}, code: 201, answer: `{"Id":"c1","Warnings":[]}` + "\n"},
	"GET /containers/json":        {query: "?all=1&limit=3&since=a&before=b&size=no&filters=%7B%22status%22%3A%5B%22up%22%5D%7D", stdout: "[]\n", env: map[string]string{"all": "1", "limit": "3", "since": "a", "before": "b", "size": "0", "filters": `{"status":["up"]}`, "health": "1"}, code: 200, answer: "[]\n"},
	"GET /containers/ps":          {stdout: "[]\n", env: map[string]string{"health": "1"}, code: 200, answer: "[]\n"},
	"GET /containers/X/archive":   {query: "?path=/f", stdout: "{\"name\":\"f\"}\ntar", args: []string{"X", "/f"}, env: map[string]string{"stat": "1"}, code: 200, answer: "tar"},
	"HEAD /containers/X/archive":  {query: "?path=/f", stdout: "{\"name\":\"f\"}\n", args: []string{"X", "/f"}, code: 200},
	"PUT /containers/X/archive":   {query: "?path=/d&noOverwriteDirNonDir=true", body: "tar", args: []string{"X", "/d"}, env: map[string]string{"noOverwriteDirNonDir": "1"}, code: 200},
	"POST /containers/X/copy":     {body: `{"Resource":"/f"}`, stdout: "tar", args: []string{"X", "/f"}, code: 200, answer: "tar"},
	"DELETE /containers/X":        {query: "?v=1&link=0&force=true", args: []string{"X"}, env: map[string]string{"removeVolume": "1", "removeLink": "0", "forceRemove": "1"}, code: 204},
	"GET /containers/X/changes":   {stdout: `[{"Path":"/a","Kind":1}]`, args: []string{"X"}, code: 200, answer: `[{"Path":"/a","Kind":1}]`},
	"POST /containers/X/exec":     {body: `{"Cmd":["true"],"Tty":true,"User":"u"}`, stdout: "e1\n", args: []string{"X"}, env: map[string]string{"Cmd": `["true"]`, "Tty": "1", "User": "u"}, code: 201, answer: `{"Id":"e1"}` + "\n"},
	"GET /distribution/X/json":    {stdout: `{"Platforms":[]}`, args: []string{"X"}, code: 200, answer: `{"Platforms":[]}`},
	"GET /exec/X/json":            {stdout: `{"ID":"e1"}`, args: []string{"X"}, code: 200},
	"POST /exec/X/resize":         {query: "?h=24&w=80", args: []string{"X", "24", "80"}, code: 200},
	"POST /exec/X/start":          {body: `{"Detach":true}`, args: []string{"X"}, env: map[string]string{"Detach": "1"}, code: 200},
	"GET /containers/X/export":    {stdout: "tar", args: []string{"X"}, code: 200, answer: "tar"},
	"GET /containers/X/json":      {query: "?size=1", stdout: `{"Id":"c1"}`, args: []string{"X"}, env: map[string]string{"size": "1", "exec-driver": "0", "main-network": "0"}, code: 200},
	"POST /containers/X/kill":     {query: "?signal=HUP", args: []string{"X", "HUP"}, code: 204},
	"GET /containers/X/logs":      {query: "?stdout=1&tail=5&follow=0", stdout: "hi", args: []string{"X"}, env: map[string]string{"stdout": "1", "tail": "5", "follow": "0"}, code: 200, answer: "\x01\x00\x00\x00\x00\x00\x00\x02hi"},
	"POST /containers/X/pause":    {args: []string{"X"}, code: 204},
	"POST /containers/X/rename":   {query: "?name=new", args: []string{"X", "new"}, code: 204},
	"POST /containers/X/resize":   {query: "?h=24&w=80", args: []string{"X", "24", "80"}, code: 200},
	"POST /containers/X/restart":  {query: "?t=3", args: []string{"X"}, env: map[string]string{"t": "3"}, code: 204},
	"POST /containers/X/start":    {args: []string{"X"}, code: 204},
	"GET /containers/X/stats":     {query: "?stream=0&one-shot=1", stdout: "{}\n", args: []string{"X"}, env: map[string]string{"stream": "0", "one_shot": "1", "stopped": "1"}, code: 200, answer: "{}\n"},
	"POST /containers/X/stop":     {query: "?t=&signal=INT", args: []string{"X"}, env: map[string]string{"signal": "INT"}, code: 204},
	"GET /containers/X/top":       {query: "?ps_args=aux", stdout: `{}`, args: []string{"X", "aux"}, code: 200},
	"POST /containers/X/unpause":  {args: []string{"X"}, code: 204},
	"POST /containers/X/update":   {body: `{"Memory":5}`, stdout: `{"Warnings":[]}`, args: []string{"X"}, env: map[string]string{"UpdateConfig": `{"Memory":5}`}, code: 200, answer: `{"Warnings":[]}`},
	"POST /containers/X/wait":     {query: "?condition=removed", stdout: `{"StatusCode":3}`, args: []string{"X"}, env: map[string]string{"condition": "removed", "headers": "1"}, code: 200, answer: `{"StatusCode":3}`},
	"GET /events":                 {query: "?since=1&until=2", stdout: `{"Type":"container","Action":"die","Actor":{"ID":"x","Attributes":{}},"status":"die","time":2}` + "\n", env: map[string]string{"since": "1", "until": "2"}, code: 200, answer: `{"Type":"container","Action":"die","Actor":{"ID":"x","Attributes":{}},"time":2}` + "\n"},
	"POST /images/create":         {query: "?fromSrc=-&repo=a&tag=b&changes=CMD+x&changes=USER+y&message=m", stdout: "{}\n", args: []string{"-", "a", "b"}, env: map[string]string{"json": "1", "changes": `["CMD x","USER y"]`, "message": "m"}, code: 200, answer: "{}\n"},
	"POST /auth":                  {body: `{"username":"u"}`, stdout: `{"Status":"ok"}`, env: map[string]string{"authConfig": `{"username":"u"}`, "json": "1"}, code: 200, answer: `{"Status":"ok"}` + "\n"},
	"POST /images/X/insert":       {query: "?url=http://a/b&path=/c", stdout: "{}\n", args: []string{"X", "http://a/b", "/c"}, env: map[string]string{"json": "1"}, code: 200, answer: "{}\n"},
	"GET /images/get":             {query: "?names=a&names=b:c&platform=linux/arm64", stdout: "tar", args: []string{"a", "b:c"}, env: map[string]string{"platform": `["linux/arm64"]`}, code: 200, answer: "tar"},
	"GET /images/X/get":           {stdout: "tar", args: []string{"X"}, code: 200, answer: "tar"},
	"POST /images/load":           {query: "?quiet=1", body: "tar", stdout: "{}\n", env: map[string]string{"quiet": "1", "json": "1"}, code: 200, answer: "{}\n"},
	"POST /images/prune":          {query: "?filters=%7B%22dangling%22%3A%5B%22false%22%5D%7D", stdout: `{"SpaceReclaimed":0}`, env: map[string]string{"filters": `{"dangling":["false"]}`}, code: 200, answer: `{"SpaceReclaimed":0}`},
	"GET /images/search":          {query: "?term=x&limit=3", stdout: "[]", args: []string{"x"}, env: map[string]string{"limit": "3"}, code: 200, answer: "[]"},
	"GET /images/viz":             {stdout: "digraph", code: 200, answer: "digraph"},
	"POST /images/X/push":         {query: "?tag=t", stdout: "{}\n", args: []string{"X"}, env: map[string]string{"tag": "t", "json": "1"}, code: 200, answer: "{}\n"},
	"GET /images/json":            {query: "?all=yes", stdout: "[]", env: map[string]string{"all": "1", "virtual-size": "0"}, code: 200},
	"DELETE /images/X":            {query: "?force=1&noprune=0", stdout: `[{"Untagged":"a:b"}]`, args: []string{"X"}, env: map[string]string{"force": "1", "noprune": "0"}, code: 200},
	"GET /images/X/history":       {query: "?platform=linux/arm64", env: map[string]string{"platform": "linux/arm64"}, stdout: "[]", args: []string{"X"}, code: 200},
	"GET /images/X/json":          {query: "?platform=linux/arm64", env: map[string]string{"platform": "linux/arm64"}, stdout: `{"Id":"sha256:1"}`, args: []string{"X"}, code: 200},
	"POST /images/X/tag":          {query: "?repo=r&tag=t&force=1", args: []string{"X", "r", "t"}, env: map[string]string{"force": "1"}, code: 201},
	"GET /info":                   {stdout: `{"ID":"i"}`, code: 200},
	"GET /metrics":                {stdout: "up 1\n", code: 200, answer: "up 1\n"},
	"GET /networks":               {query: "?filters=%7B%22driver%22%3A%5B%22bridge%22%5D%7D", stdout: `[{"Name":"n"}]`, env: map[string]string{"filters": `{"driver":["bridge"]}`}, code: 200},
	"POST /networks/create":       {body: `{"Name":"n","Driver":"bridge"}`, stdout: `{"Id":"i"}`, args: []string{"n"}, env: map[string]string{"Spec": `{"Name":"n","Driver":"bridge"}`}, code: 201, answer: `{"Id":"i"}`},
	"POST /networks/prune":        {query: "?filters=%7B%22label%22%3A%5B%22a%22%5D%7D", stdout: `{"NetworksDeleted":[]}`, env: map[string]string{"filters": `{"label":["a"]}`}, code: 200, answer: `{"NetworksDeleted":[]}`},
	"DELETE /networks/X":          {args: []string{"X"}, code: 204},
	"GET /networks/X":             {query: "?verbose=1&scope=local", stdout: `{"Name":"X"}`, args: []string{"X"}, env: map[string]string{"verbose": "1", "scope": "local"}, code: 200},
	"POST /networks/X/connect":    {body: `{"Container":"c","EndpointConfig":{"Aliases":["a"]}}`, args: []string{"X", "c"}, env: map[string]string{"EndpointConfig": `{"Aliases":["a"]}`}, code: 200},
	"POST /networks/X/disconnect": {body: `{"Container":"c","Force":true}`, args: []string{"X", "c"}, env: map[string]string{"force": "1"}, code: 200},
	"GET /system/df":              {query: "?type=volume", stdout: `{"LayersSize":1}`, env: map[string]string{"types": `["volume"]`}, code: 200},
	"GET /volumes":                {query: "?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D", stdout: `{"Volumes":[]}`, env: map[string]string{"filters": `{"dangling":["true"]}`}, code: 200, answer: `{"Volumes":[]}`},
	"POST /volumes/create":        {body: `{"Name":"v","Driver":"local","Labels":{"a":"b"},"DriverOpts":{"type":"tmpfs"}}`, stdout: `{"Name":"v"}`, args: []string{"v"}, env: map[string]string{"driver": "local", "labels": `{"a":"b"}`, "options": `{"type":"tmpfs"}`}, code: 201, answer: `{"Name":"v"}`},
	"POST /volumes/prune":         {stdout: `{"VolumesDeleted":[]}`, env: map[string]string{"anonymous": "1"}, code: 200, answer: `{"VolumesDeleted":[]}`},
	"DELETE /volumes/X":           {query: "?force=1", args: []string{"X"}, env: map[string]string{"force": "1"}, code: 204},
	"GET /volumes/X":              {stdout: `{"Name":"X"}`, args: []string{"X"}, code: 200, answer: `{"Name":"X"}`},
	"POST /containers/prune":      {query: "?filters=%7B%22label%22%3A%5B%22a%22%5D%7D", stdout: `{"SpaceReclaimed":0}`, env: map[string]string{"filters": `{"label":["a"]}`}, code: 200, answer: `{"SpaceReclaimed":0}`},
	"GET /version":                {stdout: `{"Version":"1"}`, code: 200, answer: `{"Version":"1"}`},
}

// Rows that hijack have their own tests, on a real connection.
func hijacks(row route) bool { return row.job == "attach" }

func TestEveryRoute(t *testing.T) {
	used := 0
	for _, row := range routes() {
		if hijacks(row) {
			continue
		}
		path := strings.NewReplacer("{name:.+}", "X", "{name}", "X").Replace(row.path)
		c, ok := routeCases[row.method+" "+path]
		if _, absent := absentCases[row.method+" "+path]; !ok && absent {
			continue // TestAbsent
		}
		if !ok {
			t.Errorf("%s %s has no case", row.method, path)
			continue
		}
		used++
		t.Run(row.method+" "+path, func(t *testing.T) {
			b := newBench(t)
			b.fake("container_inspect", `{"Config":{"Tty":false}}`)
			f := b.fake(row.job, c.stdout)
			w := b.do(row.method, path+c.query, c.body)
			if w.Code != c.code || c.answer != "" && w.Body.String() != c.answer {
				t.Fatalf("got %d %q, want %d %q", w.Code, w.Body, c.code, c.answer)
			}
			if w.Header().Get("Api-Version") == "" || w.Header().Get("Server") != "Docker/1.5.0 (linux)" {
				t.Errorf("headers: %v", w.Header())
			}
			if row.job == "" {
				return
			}
			call := f.Only(t)
			if strings.Join(call.Args, "|") != strings.Join(c.args, "|") {
				t.Errorf("args %q, want %q", call.Args, c.args)
			}
			if c.env == nil {
				c.env = map[string]string{}
			}
			if !reflect.DeepEqual(call.Env, c.env) {
				t.Errorf("env %v, want %v", call.Env, c.env)
			}
		})
	}
	if used != len(routeCases) {
		t.Errorf("%d cases, %d used", len(routeCases), used)
	}
}

func TestEveryRouteTranslatesKinds(t *testing.T) {
	for _, row := range routes() {
		if row.job == "" {
			continue
		}
		path := strings.Replace(row.path, "{name:.+}", "X", 1)
		c := routeCases[row.method+" "+path]
		t.Run(row.method+" "+path, func(t *testing.T) {
			for kind, want := range map[errdefs.Kind]int{errdefs.KindNotFound: 404, errdefs.KindConflict: 409} {
				b := newBench(t)
				b.fake("container_inspect", `{"Config":{"Tty":false}}`)
				fail := func(*engine.Job) error { return errdefs.New(kind, "no such thing: X") }
				if hijacks(row) { // the look-up fails before the connection is taken
					b.eng.Replace("container_inspect", fail)
				}
				b.eng.Replace(row.job, fail)
				w := b.do(row.method, path+c.query, c.body)
				if w.Code != want || w.Body.String() != `{"message":"no such thing: X"}`+"\n" {
					t.Errorf("got %d %q, want %d", w.Code, w.Body, want)
				}
				w = b.do(row.method, "/v1.18"+path+c.query, c.body)
				if w.Code != want || w.Body.String() != "no such thing: X\n" {
					t.Errorf("1.18: got %d %q, want %d", w.Code, w.Body, want)
				}
			}
		})
	}
}

func TestMissingJobIsNotImplemented(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/images/create?fromImage=busybox&tag=latest", "/containers/x/pause", "/containers/x/attach"} {
		w := b.do("POST", path, "")
		var body struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 501 || !strings.Contains(body.Message, "no job") {
			t.Errorf("%s: got %d %q", path, w.Code, w.Body)
		}
	}
}

func TestUnknownRoutes(t *testing.T) {
	b := newBench(t)
	for path, want := range map[string]string{
		"/nothing":            `{"message":"page not found"}` + "\n",
		"/v1.41/nothing":      `{"message":"page not found"}` + "\n",
		"/v1.18/nothing":      "404 page not found\n",
		"/v1.41":              `{"message":"page not found"}` + "\n",
		"/v1.x/version":       `{"message":"page not found"}` + "\n",
		"/containers/X/start": `{"message":"page not found"}` + "\n", // GET
	} {
		w := b.do("GET", path, "")
		if w.Code != 404 || w.Body.String() != want {
			t.Errorf("%s: got %d %q, want %q", path, w.Code, w.Body, want)
		}
	}
	if w := b.do("OPTIONS", "/v1.20/whatever", ""); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("OPTIONS: got %d %q", w.Code, w.Body)
	}
	if w := b.do("GET", "/v1.41//version?a=b", ""); w.Code != 301 || w.Header().Get("Location") != "/v1.41/version?a=b" {
		t.Errorf("unclean path: got %d to %q", w.Code, w.Header().Get("Location"))
	}
}

func TestCORS(t *testing.T) {
	b := newBench(t)
	b.fake("version", "{}")
	for origin, want := range map[string]string{"": "", "*": "*", "http://a": "http://a"} {
		w := httptest.NewRecorder()
		b.srv.Handler(origin).ServeHTTP(w, httptest.NewRequest("GET", "/version", nil))
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%q: got %q", origin, got)
		}
	}
}

// TestTagMoves: force went with 1.22.
func TestTagMoves(t *testing.T) {
	b := newBench(t)
	f := b.fake("tag", "")
	for path, want := range map[string]string{"": "1", "/v1.22": "1", "/v1.41": "1", "/v1.21": "0", "/v1.12": "0"} {
		if w := b.do("POST", path+"/images/X/tag?repo=r&force=0", ""); w.Code != 201 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		calls := f.Calls()
		if got := calls[len(calls)-1].Env["force"]; got != want {
			t.Errorf("%s: force=%s", path, got)
		}
	}
}

func TestNamesWithSlashes(t *testing.T) {
	b := newBench(t)
	f := b.fake("history", "[]")
	b.do("GET", "/images/host:5000/team/app:tag/history", "")
	if call := f.Only(t); call.Args[0] != "host:5000/team/app:tag" {
		t.Errorf("got %q", call.Args)
	}
}

func TestPanicsBecome500(t *testing.T) {
	b := newBench(t)
	b.srv.router = newRouter([]route{{"GET", "/boom", "", nil, nil, custom(func(*exchange, *route) error { panic("x") })}})
	if w := b.do("GET", "/boom", ""); w.Code != 500 || !strings.Contains(w.Body.String(), "mistake") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}

func TestCutAnswerIsNotWhole(t *testing.T) {
	b := newBench(t)
	f := enginetest.Fake(b.eng, "export")
	f.Do = func(job *engine.Job) error {
		if _, err := io.WriteString(job.Stdout, strings.Repeat("x", 10000)); err != nil {
			return err
		}
		return errdefs.Internal("disk on fire")
	}
	ts := httptest.NewServer(b.srv.Handler(""))
	defer ts.Close()
	resp, err := http.Get(ts.URL + "/containers/x/export")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("a cut archive looked whole")
	}
}
