package server

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// FuzzRequest sends any request to a server whose jobs all succeed: it is answered in
// time, and never as if the server were at fault.
func FuzzRequest(f *testing.F) {
	eng := enginetest.New(f)
	handler := New(eng, Options{Version: "1.5.0"}).Handler("*")
	for _, row := range routes() {
		path := strings.NewReplacer("{name:.+}", "X", "{name}", "X").Replace(row.path)
		c := routeCases[row.method+" "+path]
		for _, version := range []string{"", "/v1.6", "/v1.24", "/v1.41"} {
			f.Add(row.method, version+path+c.query, "application/json", c.body)
		}
		if row.job != "" && !eng.Has(row.job) {
			eng.Replace(row.job, func(job *engine.Job) error {
				_, _ = io.Copy(io.Discard, job.Stdin) // what a client sends may end early
				_, err := io.WriteString(job.Stdout, c.stdout)
				return err
			})
		}
	}
	for _, target := range []string{
		"/containers/%2e%2e/json", "/v1.99/info", "/v1.2/info", "/v1./info", "/containers/a%00b/json", "/images/json?filters=%7B%22a%22%3A1%7D",
		"/images/json?all=1&all=0", "/containers/json?limit=\xff", "/events?since=99999999999999999999", "/build?t=%ff", "//", "/containers//json", "/jobs/",
	} {
		f.Add("GET", target, "text/plain", "")
	}
	for _, body := range []string{"{", "null", "[]", `{"Image":5}`, `{"HostConfig":{"Binds":{}}}`, "{} {}", "\xff", strings.Repeat("[", 20000)} {
		f.Add("POST", "/containers/create", "application/json", body)
		f.Add("POST", "/v1.12/containers/X/start", "application/json", body)
		f.Add("POST", "/networks/create", "application/json", body)
		f.Add("POST", "/containers/X/exec", "application/json; charset=utf-8", body)
	}
	f.Fuzz(func(t *testing.T, method, target, media, body string) {
		text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", method, target, media, len(body), body)
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil || strings.HasPrefix(r.URL.Path, jobsPath) || strings.Contains(r.URL.Path, "/attach") {
			return // net/http answers it; remote jobs and connections taken over have tests of their own
		}
		r.RemoteAddr = "192.0.2.1:1"
		w, began := httptest.NewRecorder(), time.Now()
		handler.ServeHTTP(w, r)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if w.Code == http.StatusInternalServerError && strings.TrimSpace(w.Body.String()) == "Path cannot be empty" {
			return // a failure of the server was what the first versions of copy said
		}
		switch w.Code {
		case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
			t.Errorf("%d: %s", w.Code, w.Body)
		}
	})
}

// FuzzHeaders: credentials in headers are a JSON document or nothing, in whichever
// way they are written.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"", "e30=", "e30", "bnVsbA", "eyJ1c2VybmFtZSI6Im1lIn0", "{}", "====", "////", "-_-_", "\xff", strings.Repeat("A", 9000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		text, ok := fromHeader(header)
		if ok != (text != "") || ok && !json.Valid([]byte(text)) {
			t.Errorf("%q gave %q, %v", header, text, ok)
		}
		written := base64.URLEncoding.EncodeToString([]byte(header))
		if text, ok := fromHeader(written); ok != json.Valid([]byte(header)) || ok && text != header {
			t.Errorf("%q came back as %q, %v", header, text, ok)
		}
	})
}

// FuzzQuery: what queries say is taken in one way or refused, and filters mean the
// same in both of their forms.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"", "all=1&all=0", "filters={}", `filters={"a":["b","b"]}`, `filters={"a":{"b":true,"c":false}}`, `filters={"a":null}`, "filters=null", "limit=%zz", "a;b", "platform=linux/arm64/v8",
		"platform=x/", "verbose=T", "%ff=%ff", "filters=[]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = query
		x := &exchange{r: r}
		values, err := x.values()
		if err != nil {
			if errdefs.KindOf(err) != errdefs.KindInvalidArgument {
				t.Errorf("%q: %v", query, err)
			}
			return
		}
		if platform, err := wholePlatform(x.value("platform")); err == nil {
			if again, err := wholePlatform(platform); err != nil || again != platform {
				t.Errorf("platform %q became %q, then %q: %v", x.value("platform"), platform, again, err)
			}
		}
		job := enginetest.New(t).Job("x")
		for _, set := range []func(*engine.Job, string, []string) error{setText, setFlag, setStrict, setList} {
			for _, v := range values {
				if err := set(job, "k", v); err != nil && errdefs.KindOf(err) != errdefs.KindInvalidArgument {
					t.Errorf("%q: %v", v, err)
				}
			}
		}
		given, err := decodeFilters(x.value("filters"))
		if err != nil {
			return
		}
		sets := map[string]map[string]bool{}
		for name, words := range given {
			sets[name] = map[string]bool{}
			for _, word := range words {
				sets[name][word] = true
			}
		}
		text, err := json.Marshal(sets)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeFilters(string(text))
		if err != nil || len(again) != len(given) {
			t.Errorf("%q: %v became %v: %v", query, given, again, err)
		}
	})
}
