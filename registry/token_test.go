package registry

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/registry/registrytest"
)

// Whatever a token server answers, one gets a token or an error that says why.
func TestTokenServerFaults(t *testing.T) {
	for what, tc := range map[string]struct {
		fault registrytest.Fault
		kind  errdefs.Kind
		ok    bool
	}{
		"busy at first":   {fault: registrytest.Fault{Status: 503, Times: 2}, ok: true},
		"too many":        {fault: registrytest.Fault{Status: 429, RetryAfter: "0", Times: 1}, ok: true},
		"broken":          {fault: registrytest.Fault{Status: 500}, kind: errdefs.KindUnavailable},
		"gone":            {fault: registrytest.Fault{Status: 404}, kind: errdefs.KindNotFound},
		"endless":         {fault: registrytest.Fault{Huge: 100 << 20}, kind: errdefs.KindInvalidArgument},
		"cut":             {fault: registrytest.Fault{Cut: 5}, kind: errdefs.KindUnavailable},
		"redirects":       {fault: registrytest.Fault{Redirect: "/token"}, kind: errdefs.KindUnavailable},
		"stands still":    {fault: registrytest.Fault{Cut: 5, Stall: time.Minute}, kind: errdefs.KindUnavailable},
		"knows nobody":    {fault: registrytest.Fault{Status: 401}, kind: errdefs.KindUnauthorized},
		"serves nobody":   {fault: registrytest.Fault{Status: 403}, kind: errdefs.KindUnauthorized},
		"changes a byte ": {fault: registrytest.Fault{Flip: true}, kind: errdefs.KindUnauthorized},
	} {
		t.Run(what, func(t *testing.T) {
			peer := registrytest.New(t, registrytest.Options{Auth: "token"})
			peer.AddManifest("x", "latest", TypeOCIManifest, []byte("{}"))
			tc.fault.Path = "/token"
			peer.Fail(tc.fault)
			r := open(t, service(t, Options{Stall: 200 * time.Millisecond}), peer.Host()+"/x", tester, false)
			_, err := r.Manifest(t.Context(), "latest")
			if tc.ok != (err == nil) || !tc.ok && !tc.fault.Flip && errdefs.KindOf(err) != tc.kind {
				t.Errorf("%v (%v)", err, errdefs.KindOf(err))
			}
			if n := len(peer.Requests()); n > 40 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// What is no token is not taken for one.
func TestReadToken(t *testing.T) {
	c := &session{}
	for text, want := range map[string]string{
		`{"token":"a"}`: "a", `{"access_token":"b","expires_in":-7}`: "b", `{"token":"a","access_token":"b","expires_in":99999999999}`: "a",
		`{}`: "", `[]`: "", ``: "", `{"token":7}`: "", "{\"token\":\"a\\r\\nX-Evil: 1\"}": "",
	} {
		got, _, err := readToken([]byte(text), c)
		if got.text != want || (err == nil) != (want != "") {
			t.Errorf("%s: %+v %v", text, got, err)
		}
		if life := time.Until(got.ends); err == nil && (life < leastLife/2 || life > 25*time.Hour) {
			t.Errorf("%s lives %v", text, life)
		}
	}
}

// A registry may know a repository by another name than its users.
func TestScopeOfChallenge(t *testing.T) {
	var asked []string
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked = q.URL.Query()["scope"]
		_, _ = io.WriteString(w, `{"token":"t"}`)
	}))
	defer tokens.Close()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+tokens.URL+`",service="s",scope="repository:proxy/x:pull repository:x:pull"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"tags":["a"]}`)
	}))
	defer front.Close()
	r := open(t, service(t, Options{}), strings.TrimPrefix(front.URL, "http://")+"/x", Auth{}, false)
	if _, err := r.Tags(t.Context()); err != nil || fmt.Sprint(asked) != "[repository:x:pull repository:proxy/x:pull]" {
		t.Errorf("%v, asked for %q", err, asked)
	}
}

// Many at once, while tokens end.
func TestConcurrentUse(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{Auth: "token"})
	peer.AddManifest("x", "latest", TypeOCIManifest, []byte("{}"))
	blob := content(50_000)
	digest := peer.AddBlob("x", blob)
	r := open(t, service(t, Options{}), peer.Host()+"/x", tester, true)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for range 10 {
				if i == 0 {
					peer.ForgetTokens()
				}
				body, err := r.Blob(t.Context(), Descriptor{Digest: digest, Size: int64(len(blob))})
				if err == nil {
					_, err = io.Copy(io.Discard, body)
					_ = body.Close()
				}
				if err == nil {
					_, err = r.HeadManifest(t.Context(), "latest")
				}
				if err != nil && !errdefs.Is(err, errdefs.KindUnauthorized) { // forgotten between sale and use
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// What is remembered of many repositories is bounded.
func TestTokensAreBounded(t *testing.T) {
	s := service(t, Options{})
	for i := range 3 * maxTokens {
		c := &session{s: s, scope: fmt.Sprint("repository:", i, ":pull")}
		s.keepToken(c, token{text: "t", ends: time.Now().Add(time.Duration(i%2)*time.Hour - time.Minute)})
		if s.credentials(c) == "" && i%2 == 1 {
			t.Fatal("the newest token is gone")
		}
	}
	if n := len(s.tokens); n > maxTokens {
		t.Errorf("%d tokens", n)
	}
}
