package jobhttp_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/jobhttp"
	"github.com/enginejobs/docker/errdefs"
)

// Check 20 for a compatible core. Kept, and the exit status is in a trailer.
func TestCompat20HTTP(t *testing.T) {
	eng := enginetest.New(t)
	if err := eng.Register("echo", func(job *engine.Job) error {
		job.Printf("%s\n", strings.Join(job.Args, " "))
		job.Warnf("careful")
		return errdefs.Conflict("and that was it")
	}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(jobhttp.Handler(eng))
	defer srv.Close()
	for _, c := range []struct{ path, body, status string }{
		{"/v9/anything/echo?a=x&a=y%20z&b=ignored", "x y z\ncareful\nand that was it\n", "1"},
		{"/nojob", "nojob: command not found\n", "127"},
		{"/commands", "commands\necho\njob_list\n", "0"},
		{"/", "/: command not found\n", "127"},
	} {
		res, err := http.Post(srv.URL+c.path, "text/plain", strings.NewReader("not read"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		status := res.Trailer.Get(jobhttp.TrailerStatus)
		if err != nil || string(body) != c.body || res.StatusCode != 200 || status != c.status {
			t.Errorf("%s: %d %q %v %v", c.path, res.StatusCode, body, res.Trailer, err)
		}
		if strings.Contains(c.path, "echo") {
			if res.Header.Get("Job-Name") != "echo" || strings.Join(res.Header["Job-Args"], "|") != "x|y z" {
				t.Errorf("headers: %v", res.Header)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestClientLeaves(t *testing.T) {
	eng := enginetest.New(t)
	ended := make(chan struct{})
	if err := eng.Register("wait", func(job *engine.Job) error {
		defer close(ended)
		_, _ = job.Stdout.Write(nil)
		<-job.Context().Done()
		return job.Context().Err()
	}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(jobhttp.Handler(eng))
	defer srv.Close()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/wait", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = res.Body.Close()
	select {
	case <-ended:
	case <-time.After(2 * time.Second):
		t.Error("the job goes on without its client")
	}
	http.DefaultClient.CloseIdleConnections()
}
