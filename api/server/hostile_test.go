package server

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"golang.org/x/net/websocket"
)

// hostile has keys that no route takes for its job: some that had a meaning for
// an engine once, and what other routes and the program itself set.
func hostile() map[string]string {
	keys := map[string]string{
		"overrideShutdown": "1", "OverrideShutdown": "1", "authConfig": `{"password":"x"}`, "metaHeaders": "{}", "parallel": "1",
		"BufferRequests": "0", "AccessPolicy": "open", "TlsKey": "/x", "SocketGroup": "root", "headers": "1", "Bip": "1", "": "x",
		"__proto__": "x", "a\x00b": "x", "config": "{}", "env": "1", "json": "0", "a": "b", "e": "x=y",
	}
	for _, row := range routes() {
		for _, k := range row.env {
			keys[k.env+"x"] = "1"
		}
	}
	return keys
}

// TestClientsSetDeclaredKeysOnly sends hostile keys to every route, in the
// query, a form, a JSON document and headers. Its job must not see one more key
// than with an honest request.
func TestClientsSetDeclaredKeysOnly(t *testing.T) {
	for _, row := range routes() {
		if row.job == "" {
			continue
		}
		path := strings.Replace(row.path, "{name:.+}", "X", 1)
		t.Run(row.method+" "+path, func(t *testing.T) {
			c := routeCases[row.method+" "+path]
			honest := keysOf(t, row, c.stdout, path+c.query, "", c.body)
			own, err := url.ParseQuery(strings.TrimPrefix(c.query, "?"))
			if err != nil {
				t.Fatal(err)
			}
			query := maps.Clone(own)
			var members []string
			for k, v := range hostile() {
				if _, taken := own[k]; taken || k == "env" && (row.job == "exec_create" || row.job == "commit") { // a member of its own
					continue
				}
				query.Set(k, v)
				members = append(members, quoted(k)+":"+quoted(v))
			}
			document := "{" + strings.Join(members, ",") + "}"
			if c.body != "" {
				document = strings.TrimSuffix(c.body, "}") + "," + document[1:]
			}
			bodies := map[string]string{"": c.body}
			if row.job != "import" && row.job != "start" { // one takes bytes, one nothing
				bodies["application/json"] = document
				if c.body == "" {
					bodies["application/x-www-form-urlencoded"] = query.Encode()
				}
			}
			for _, prefix := range []string{"", "/v1.19"} {
				for media, body := range bodies {
					got := keysOf(t, row, c.stdout, prefix+path+"?"+query.Encode(), media, body)
					for _, key := range got {
						if !slices.Contains(honest, key) && !slices.Contains(late, key) {
							t.Errorf("%s %q: key %q reached the job, honest ones are %q", prefix, media, key, honest)
						}
					}
				}
			}
		})
	}
}

// late are keys that depend on the version, not on what the client sends.
var late = []string{"headers", "stdin", "stdout", "stderr", "DefaultIpcMode", "DefaultCgroupnsMode", "health", "exec-driver", "main-network", "untagged", "virtual-size", "authConfig", "containers", "stepStyle", "pull", "forcerm", "idOnly", "keep"}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, "\x00", `\u0000`).Replace(s) + `"`
}

// keysOf sends one request and gives the env keys that the job saw.
func keysOf(t *testing.T, row route, stdout, path, media, body string) []string {
	t.Helper()
	b := &bench{t: t, eng: enginetest.NewParallel(t)}
	b.srv = New(b.eng, Options{})
	b.fake("container_inspect", `{"Config":{"Tty":false}}`)
	fakes := []*enginetest.Recorder{b.fake(row.job, stdout), b.fake("pull", "")}
	srv := httptest.NewServer(b.srv.Handler(""))
	defer srv.Close()
	if strings.HasSuffix(row.path, "/ws") {
		ws, err := websocket.Dial("ws"+strings.TrimPrefix(srv.URL, "http")+path, "", srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, ws)
		_ = ws.Close()
	} else {
		req, err := http.NewRequest(row.method, srv.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if media != "" || body != "" {
			req.Header.Set("Content-Type", cmpOr(media, "application/json"))
		}
		req.Header.Set("Job-Env", "overrideShutdown=1")
		resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode >= 300 {
			t.Fatalf("%s %s (%s): %d %s", row.method, path, media, resp.StatusCode, text)
		}
	}
	var keys []string
	for _, f := range fakes {
		for _, call := range f.Calls() {
			keys = slices.AppendSeq(keys, maps.Keys(call.Env))
		}
	}
	return keys
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// TestSecretsAreNotLogged sends credentials every way there is and looks for
// them in the log of the server, the log of the engine and its records.
func TestSecretsAreNotLogged(t *testing.T) {
	const secret = "hunter2"
	var log lines
	eng := enginetest.New(t)
	eng.SetLogf(log.Debugf)
	b := &bench{t: t, eng: eng, srv: New(eng, Options{Log: &log})}
	nothing := func(*engine.Job) error { return nil }
	err := eng.Declare(
		engine.Declaration{Name: "pull", Args: []engine.Arg{{Name: "IMAGE"}}, Handler: nothing,
			Env: []engine.Key{{Name: "authConfig", Type: engine.JSON, Secret: true}, {Name: "json", Type: engine.Bool}}},
		engine.Declaration{Name: "import", Args: []engine.Arg{{Name: "SRC", Secret: true}, {Name: "REPO"}}, Handler: nothing,
			Env: []engine.Key{{Name: "changes", Type: engine.List, Secret: true}, {Name: "json", Type: engine.Bool}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	b.fake("create", `{"Id":"x"}`) // without a declaration: everything is taken for a secret
	sub := eng.Subscribe(100)
	defer sub.Close()
	for _, path := range []string{
		"/images/create?fromImage=a", "/images/create?fromSrc=http://me:" + secret + "@host/x&repo=r&changes=ENV+PASSWORD=" + secret,
		"/v1.50/images/create?from%53rc=http://me:" + secret + "@host/x&repo=r", "/containers/create",
	} {
		r := httptest.NewRequest("POST", path, strings.NewReader(`{"Env":["PASSWORD=`+secret+`"]}`))
		r.Header.Set("Content-Type", "application/json")
		// {"username":"me","password":"hunter2"}
		r.Header.Set("X-Registry-Auth", "eyJ1c2VybmFtZSI6Im1lIiwicGFzc3dvcmQiOiJodW50ZXIyIn0=")
		w := httptest.NewRecorder()
		b.srv.Handler("").ServeHTTP(w, r)
		if w.Code >= 300 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	job := eng.Job("job_trace")
	job.SetenvBool("env", true)
	trace := enginetest.MustRun(t, job)
	if !strings.Contains(trace, "authConfig") || !strings.Contains(trace, "Config") {
		t.Errorf("the trace has no env: %s", trace)
	}
	for what, text := range map[string]string{"log": log.String(), "trace": trace} {
		if strings.Contains(text, secret) || strings.Contains(text, "eyJ1c2Vy") {
			t.Errorf("the %s shows a secret:\n%s", what, text)
		}
	}
	if !strings.Contains(log.String(), "POST /images/create") {
		t.Errorf("nothing was logged: %s", log.String())
	}
}
