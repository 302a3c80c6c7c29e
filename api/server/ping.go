package server

import "net/http"

// ping answers without a job: it says that the server serves, and in its
// headers what it speaks.
func ping(x *exchange, _ *route) error {
	h := x.w.Header()
	pingHeaders(h)
	if x.r.Method == http.MethodHead {
		h.Set("Content-Length", "0")
		x.w.WriteHeader(http.StatusOK)
		return nil
	}
	x.w.put([]byte("OK"))
	return nil
}

// pingHeaders are those that an answer has besides those of all.
func pingHeaders(h http.Header) {
	h.Set("Builder-Version", "1")
	h.Set("Swarm", "inactive")
	h.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Type", "text/plain; charset=utf-8")
}
