package remote_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
)

// Check 20 for a compatible core. Kept, and the exit status is in a trailer.
func TestCompat20HTTP(t *testing.T) {
	eng := newEngine(t)
	srv := serveTCP(t, eng)
	for _, c := range []struct{ path, body, status string }{
		{"/v9/anything/say?a=x&a=y%20z&b=ignored", "x y z\ncareful\nand that was it\n", "1"},
		{"/nojob", "nojob: command not found\n", "127"},
		{"/cat", "", "0"}, // the request body is not its stdin
		{"/", "/: command not found\n", "127"},
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			req, err := http.NewRequest(method, srv.URL+c.path, strings.NewReader("not read"))
			if err != nil {
				t.Fatal(err)
			}
			res, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			status := res.Trailer.Get(remote.HeaderStatus)
			if err != nil || string(body) != c.body || res.StatusCode != 200 || status != c.status {
				t.Errorf("%s: %d %q %v %v", c.path, res.StatusCode, body, res.Trailer, err)
			}
			if strings.Contains(c.path, "say") {
				if res.Header.Get("Job-Name") != "say" || strings.Join(res.Header["Job-Args"], "|") != "x|y z" {
					t.Errorf("headers: %v", res.Header)
				}
			}
		}
	}
}

func TestClassicClientLeaves(t *testing.T) {
	eng := newEngine(t)
	srv := serveTCP(t, eng)
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/hang", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = res.Body.Close()
	nothingRuns(t, eng)
}

// nothingRuns waits until the engine is idle.
func nothingRuns(t *testing.T, eng *engine.Engine) {
	t.Helper()
	for end := time.Now().Add(3 * time.Second); len(eng.Running()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still running: %+v", eng.Running())
		}
	}
}

// serveTCP serves an engine on a port of the loopback.
func serveTCP(t *testing.T, eng *engine.Engine) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(remote.Handler(eng, remote.Options{}))
	t.Cleanup(func() {
		srv.Client().CloseIdleConnections()
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv
}

// A name and an argument are headers of the answer, whatever is in them.
func TestClassicControlCharacters(t *testing.T) {
	srv := serveTCP(t, newEngine(t))
	res, err := srv.Client().Get(srv.URL + "/no%00%1bjob?a=x%01y%7f%0d%0aEvil:%20z")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if res.Header.Get("Job-Name") != "no  job" || res.Header.Get("Job-Args") != "x y   Evil: z" || res.Header.Get("Evil") != "" {
		t.Errorf("%v", res.Header)
	}
	if err != nil || res.StatusCode != 200 || res.Trailer.Get("Job-Status") != "127" {
		t.Errorf("%d %q %v: %v", res.StatusCode, body, res.Trailer, err)
	}
}
