package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	stdlog "log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// TestBuildVersions has what depends on the version of the client.
func TestBuildVersions(t *testing.T) {
	tests := []struct{ path, env string }{ // of the job: rm forcerm pull json stepStyle idOnly
		{"/v1.7/build", "0   0 from0 "},
		{"/v1.7/build?rm=1&pull=1&q=1", "1   0 from0 "},
		{"/v1.11/build", "0   1 from0 "},
		{"/v1.11/build?forcerm=1", "0   1 from0 "},
		{"/v1.12/build", "1 0  1 from0 "},
		{"/v1.12/build?rm=0", "0 0  1 from0 "},
		{"/v1.12/build?rm=no&forcerm=1", "1 1  1 from0 "},
		{"/v1.15/build?pull=1", "1 0  1 from0 "},
		{"/v1.16/build?pull=1", "1 0 1 1 from0 "},
		{"/v1.18/build?pull=true&forcerm=yes", "1 0 0 1 from0 "},
		{"/v1.19/build?pull=true&forcerm=yes&rm=0", "1 1 1 1 from0 "},
		{"/v1.21/build?q=1", "1 0 0 1 from1 "},
		{"/v1.22/build?q=1", "1 0 0 1 from1 1"},
		{"/v1.24/build?q=no", "1 0 0 1 from1 "},
		{"/v1.25/build", "1 0 0 1  "},
		{"/build?q=1&pull=none", "1 0 0 1  1"},
	}
	for _, c := range tests {
		b := newBench(t)
		f := b.fake("build", "{}\n")
		w := b.do("POST", c.path, "tar")
		env := f.Only(t).Env
		var got []string
		for _, key := range []string{"rm", "forcerm", "pull", "json", "stepStyle", "idOnly"} {
			value := env[key]
			if key == "json" && value == "" {
				value = "0"
			}
			got = append(got, value)
		}
		if text := strings.Join(got, " "); w.Code != 200 || text != c.env {
			t.Errorf("%s: %d, %q, want %q", c.path, w.Code, text, c.env)
		}
		media := "application/json"
		if strings.HasPrefix(c.path, "/v1.7/") {
			media = "text/plain; charset=utf-8"
		}
		if got := w.Header().Get("Content-Type"); got != media {
			t.Errorf("%s: %s", c.path, got)
		}
	}
}

func TestBuildNumbersAreLenient(t *testing.T) {
	b := newBench(t)
	f := b.fake("build", "")
	b.do("POST", "/build?memory=%205%20&memswap=-1&cpushares=many&cpuquota=1e3&shmsize=", "tar")
	env := f.Only(t).Env
	if env["memory"] != "5" || env["memswap"] != "-1" || env["cpushares"]+env["cpuquota"]+env["shmsize"] != "" {
		t.Errorf("%v", env)
	}
}

func TestBuildRefuses(t *testing.T) {
	for query, want := range map[string]string{
		"?version=2": "DOCKER_BUILDKIT=0", "?buildargs=%7B": "buildargs", "?ulimits=x": "ulimits", "?labels=%5B": "labels", "?cachefrom=a": "cachefrom",
	} {
		b := newBench(t)
		b.fake("build", "")
		if w := b.do("POST", "/build"+query, "tar"); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	b := newBench(t)
	if w := b.do("POST", "/build/cancel", ""); w.Code != 400 || !strings.Contains(w.Body.String(), "build ID not provided") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestBuildHeaders has credentials in all shapes, and what is no document.
func TestBuildHeaders(t *testing.T) {
	encode := func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		path, header, value string
		key, want           string
		code                int
	}{
		{"/v1.8/build", "X-Registry-Auth", encode(`{"username":"u"}`), "authConfig", `{"username":"u"}`, 200},
		{"/v1.9/build", "X-Registry-Auth", encode(`{"username":"u"}`), "authConfig", "", 200},
		{"/v1.18/build", "X-Registry-Config", encode(`{"configs":{"r":{}}}`), "configFile", `{"configs":{"r":{}}}`, 200},
		{"/build", "X-Registry-Config", encode(`{"r":{"username":"u"}}`), "configFile", `{"r":{"username":"u"}}`, 200},
		{"/build", "X-Registry-Config", "none of these", "configFile", "", 200},
		{"/build", "X-Registry-Config", encode("{"), "configFile", "", 200},
		{"/build", "X-Build-Secrets", encode(`{"id":"eA=="}`), "secrets", `{"id":"eA=="}`, 200},
		{"/build", "X-Build-Secrets", encode("{"), "secrets", "", 400},
		{"/build", "X-Build-Ssh", encode(`{"default":"/a"}`), "ssh", `{"default":"/a"}`, 200},
		{"/build", "X-Build-Ssh", "?", "ssh", "", 400},
	}
	for _, c := range tests {
		b := newBench(t)
		f := b.fake("build", "")
		r := httptest.NewRequest("POST", c.path, strings.NewReader("tar"))
		r.Header.Set(c.header, c.value)
		w := httptest.NewRecorder()
		b.srv.Handler("").ServeHTTP(w, r)
		if w.Code != c.code {
			t.Errorf("%s %s %s: %d %s", c.path, c.header, c.value, w.Code, w.Body)
			continue
		}
		if c.code == 200 {
			if got := f.Only(t).Env[c.key]; got != c.want {
				t.Errorf("%s %s %s: %s", c.path, c.header, c.value, got)
			}
		}
	}
}

// TestBuildFailures are those before and after output, for clients of all ages.
func TestBuildFailures(t *testing.T) {
	failure := &errdefs.Error{Kind: errdefs.KindInvalidArgument, Code: 3, Err: errors.New("The command 'x' returned a non-zero code: 3")}
	tests := []struct {
		path, output string
		code         int
		want         string
	}{
		{"/build", "", 400, `{"message":"The command 'x' returned a non-zero code: 3","code":3}` + "\n"},
		{"/build", `{"stream":"Step"}` + "\n", 200,
			`{"stream":"Step"}` + "\n" + `{"errorDetail":{"code":3,"message":"The command 'x' returned a non-zero code: 3"},"error":"The command 'x' returned a non-zero code: 3"}` + "\r\n"},
		{"/v1.7/build", "Step\n", 200, "Step\nError: The command 'x' returned a non-zero code: 3\r\n"},
		{"/v1.7/build", "", 400, "The command 'x' returned a non-zero code: 3\n"},
	}
	for _, c := range tests {
		b := newBench(t)
		f := b.fake("build", "")
		f.Do = func(job *engine.Job) error {
			if c.output != "" {
				if _, err := io.WriteString(job.Stdout, c.output); err != nil {
					return err
				}
			}
			return failure
		}
		if w := b.do("POST", c.path, "tar"); w.Code != c.code || w.Body.String() != c.want {
			t.Errorf("%s after %q: %d %q, want %q", c.path, c.output, w.Code, w.Body, c.want)
		}
	}
}

// TestBuildReportsWhileItReads: the first message comes before the body has ended,
// and what follows of the body is read all the same.
func TestBuildReportsWhileItReads(t *testing.T) {
	b := newBench(t)
	f := enginetest.Fake(b.eng, "build")
	f.Do = func(job *engine.Job) error {
		first := make([]byte, 4)
		if _, err := io.ReadFull(job.Stdin, first); err != nil {
			return err
		}
		if _, err := job.Stdout.Write(first); err != nil {
			return err
		}
		_, err := io.Copy(job.Stdout, job.Stdin)
		return err
	}
	ts := httptest.NewServer(b.srv.Handler(""))
	defer ts.Close()
	body, in := io.Pipe()
	rest := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	seen := make(chan struct{})
	go func() {
		if _, err := in.Write([]byte("head")); err != nil {
			t.Error(err)
		}
		<-seen
		_, err := in.Write(rest)
		in.CloseWithError(err)
	}()
	resp, err := http.Post(ts.URL+"/build", "application/x-tar", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	head := make([]byte, 4)
	if _, err := io.ReadFull(resp.Body, head); err != nil || string(head) != "head" {
		t.Fatalf("%q, %v", head, err)
	}
	close(seen)
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, rest) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestBuildEndsWithItsClient: since 1.18 one that leaves cancels, older ones do not;
// those with a name can be cancelled by others.
func TestBuildEndsWithItsClient(t *testing.T) {
	for path, want := range map[string]bool{"/v1.17/build": false, "/v1.18/build": true, "/build": true} {
		job, leave, _ := slowBuild(t, path)
		leave()
		select {
		case <-job.Context().Done():
			if !want {
				t.Errorf("%s: the build was cancelled", path)
			}
		case <-time.After(map[bool]time.Duration{true: 5 * time.Second, false: 200 * time.Millisecond}[want]):
			if want {
				t.Errorf("%s: the build goes on", path)
			}
		}
	}
	job, _, url := slowBuild(t, "/build?buildid=mine")
	for name, want := range map[string]bool{"other": false, "mine": true} {
		resp, err := http.Post(url+"/build/cancel?id="+name, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", name, resp.Status)
		}
		if !want {
			continue
		}
		select {
		case <-job.Context().Done():
			if err := context.Cause(job.Context()); err == nil || !strings.Contains(err.Error(), "another client") {
				t.Errorf("cancelled because of %v", err)
			}
		case <-time.After(5 * time.Second):
			t.Error("the build goes on")
		}
	}
}

// slowBuild starts a build that ends with its context, or the test.
func slowBuild(t *testing.T, path string) (*engine.Job, context.CancelFunc, string) {
	t.Helper()
	b := newBench(t)
	started, over := make(chan *engine.Job, 1), make(chan struct{})
	enginetest.Fake(b.eng, "build").Do = func(job *engine.Job) error {
		if _, err := io.Copy(io.Discard, job.Stdin); err != nil { // a server hears nothing of its client before
			return err
		}
		started <- job
		select {
		case <-job.Context().Done():
		case <-over:
		}
		return nil
	}
	ts := httptest.NewServer(b.srv.Handler(""))
	t.Cleanup(func() {
		close(over)
		ts.Close()
	})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, ts.URL+path, strings.NewReader("tar"))
		if err != nil {
			t.Error(err)
			return
		}
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
		}
	}()
	select {
	case job := <-started:
		return job, cancel, ts.URL
	case <-time.After(10 * time.Second):
		t.Fatal("the build does not start")
		return nil, nil, ""
	}
}

// TestBuildLeavesABody: a failure is told to a client that has not sent all, or
// sends no more, and what it does next on the connection is right.
func TestBuildLeavesABody(t *testing.T) {
	b := newBench(t)
	enginetest.Fake(b.eng, "build").Do = func(*engine.Job) error { return errdefs.InvalidArgument("bad name") }
	b.fake("version", "{}")
	ts := httptest.NewUnstartedServer(b.srv.Handler(""))
	var log lockedLog
	ts.Config.ErrorLog = stdlog.New(&log, "", 0)
	ts.Start()
	defer ts.Close()
	slow, in := io.Pipe()
	defer in.Close()
	for what, body := range map[string]io.Reader{
		"short": strings.NewReader("tar"), "long": bytes.NewReader(make([]byte, 8<<20)), "endless": neverEnds{}, "slow": slow,
		"nearly long": bytes.NewReader(make([]byte, restSize-1000)),
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ts.URL+"/build", io.MultiReader(body))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != 400 || !strings.Contains(string(text), "bad name") || time.Since(start) > 3*time.Second {
			t.Errorf("%s: %d %q %v after %v", what, resp.StatusCode, text, err, time.Since(start))
		}
		if resp, err = http.Get(ts.URL + "/version"); err != nil || resp.StatusCode != 200 {
			t.Errorf("%s: the next request: %v", what, err)
		} else {
			_ = resp.Body.Close()
		}
	}
	if text := log.String(); text != "" {
		t.Errorf("the server complains: %s", text)
	}
}

type neverEnds struct{}

func (neverEnds) Read(p []byte) (int, error) { return len(p), nil }

type lockedLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
