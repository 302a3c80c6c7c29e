package server

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

// A page that somebody looks at on the host must not stop containers there, nor
// read what they write over a websocket.
func TestFromElsewhere(t *testing.T) {
	unix := context.WithValue(t.Context(), http.LocalAddrContextKey, &net.UnixAddr{Net: "unix"})
	for _, tc := range []struct {
		name    string
		ctx     context.Context
		changes bool
		cors    string
		header  []string
		refused bool
	}{
		{"a program", nil, true, "", nil, false},
		{"a form of another site", nil, true, "", []string{"Sec-Fetch-Site", "cross-site"}, true},
		{"a form of a neighbour", nil, true, "", []string{"Sec-Fetch-Site", "same-site"}, true},
		{"the page of a proxy", nil, true, "", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://ui"}, false},
		{"a picture, which nobody can read", nil, false, "", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"an origin that is let in", nil, true, "http://ui", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"a unix socket", unix, true, "", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"a websocket of a program", nil, false, "", []string{"Upgrade", "websocket"}, false},
		{"a websocket of our own", nil, false, "", []string{"Upgrade", "websocket", "Origin", "http://engine:1"}, false},
		{"a websocket of another site", nil, false, "", []string{"Upgrade", "WebSocket", "Origin", "http://evil"}, true},
		{"a websocket of no site", nil, false, "", []string{"Upgrade", "websocket", "Origin", "null"}, true},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://engine:1/containers/x/stop", nil)
		if tc.ctx != nil {
			r = r.WithContext(tc.ctx)
		}
		for i := 0; i+1 < len(tc.header); i += 2 {
			r.Header.Set(tc.header[i], tc.header[i+1])
		}
		if err := fromElsewhere(r, tc.changes, tc.cors); errdefs.Is(err, errdefs.KindForbidden) != tc.refused {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// What is posted to attach is typed into the container.
func TestAttachFromElsewhere(t *testing.T) {
	b := newBench(t)
	r := httptest.NewRequest(http.MethodPost, "http://engine:1/containers/x/attach?stdin=1&stream=1", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	b.srv.Handler("").ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
