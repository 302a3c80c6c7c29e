package registry

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/enginejobs/docker/registry/registrytest"
)

// BenchmarkBlob reads 64 MB over loopback, with their digest.
func BenchmarkBlob(b *testing.B) {
	blob := make([]byte, 64<<20)
	digest := registrytest.Digest(blob)
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(blob)))
		_, _ = w.Write(blob)
	}))
	defer peer.Close()
	s, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	r, err := s.Open(b.Context(), name(b, strings.TrimPrefix(peer.URL, "http://")+"/x"), Auth{}, false)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(blob)))
	b.ReportAllocs()
	for b.Loop() {
		body, err := r.Blob(b.Context(), Descriptor{Digest: digest, Size: int64(len(blob))})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			b.Fatal(err)
		}
		_ = body.Close()
	}
}

// BenchmarkUpload sends 64 MB over loopback.
func BenchmarkUpload(b *testing.B) {
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		w.Header().Set("Location", "/upload")
		if q.Method != http.MethodGet {
			w.WriteHeader(http.StatusAccepted)
		}
	}))
	defer peer.Close()
	s, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	r, err := s.Open(b.Context(), name(b, strings.TrimPrefix(peer.URL, "http://")+"/x"), Auth{}, true)
	if err != nil {
		b.Fatal(err)
	}
	u, err := r.Upload(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := u.Send(b.Context(), io.LimitReader(&endless{}, 64<<20)); err != nil {
			b.Fatal(err)
		}
	}
}
