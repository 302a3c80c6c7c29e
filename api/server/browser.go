package server

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// fromElsewhere refuses what a web page of another site made a browser send:
// requests that change something, and websockets, whose answers browsers show to
// every page. Browsers do not come by unix sockets, and pages that the operator
// lets in (--api-cors-header) may. A proxy that a page belongs to is no other site
// as long as the browser says so.
func fromElsewhere(r *http.Request, changes bool, cors string) error {
	socket := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if cors != "" || !changes && !socket || overUnix(r) {
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return errdefs.Forbidden("a request for a web page of another site is refused; --api-cors-header of the daemon lets its origin in")
	}
	origin := r.Header.Get("Origin")
	if !socket || origin == "" {
		return nil
	}
	if from, err := url.Parse(origin); err != nil || from.Host != r.Host {
		return errdefs.Forbidden("a websocket for a web page of %.64q is refused; --api-cors-header of the daemon lets its origin in", origin)
	}
	return nil
}

func overUnix(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && strings.HasPrefix(addr.Network(), "unix")
}
