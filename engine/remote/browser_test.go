package remote_test

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"

	"github.com/enginejobs/docker/engine/remote"
)

// A site may give its own name an address of ours; a browser then takes our
// answers for its own. Programs, and names in certificates, are above that.
func TestReboundName(t *testing.T) {
	h := remote.Handler(newEngine(t), remote.Options{})
	for _, tc := range []struct {
		host, agent string
		tls         bool
		code        int
	}{
		{"rebound.example:2375", "Mozilla/5.0 (X11)", false, 403},
		{"rebound.example:2375", "Mozilla/5.0 (X11)", true, 200},
		{"rebound.example:2375", "curl/8", false, 200},
		{"localhost:2375", "Mozilla/5.0 (X11)", false, 200},
		{"127.0.0.1", "Mozilla/5.0 (X11)", false, 200},
		{"[::1]:2375", "Mozilla/5.0 (X11)", false, 200},
	} {
		r := httptest.NewRequest("GET", "/jobs/echo?a=x", nil)
		r.Host, r.TLS = tc.host, nil
		if tc.tls {
			r.TLS = &tls.ConnectionState{}
		}
		r.Header.Set("User-Agent", tc.agent)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tc.code {
			t.Errorf("%+v: %d %s", tc, w.Code, w.Body)
		}
	}
}
