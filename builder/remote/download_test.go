package remote

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// tarball is an archive with one file.
func tarball(t *testing.T, name, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func compressed(t *testing.T, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// answer serves one document at any path but those of faults.
func answer(t *testing.T, kind string, data []byte) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		_, _ = w.Write(data) // a client that has left is a case of the tests
	}))
	t.Cleanup(s.Close)
	return s
}

func TestFetch_HTTP(t *testing.T) {
	plain := tarball(t, "Dockerfile", "FROM scratch\n")
	for _, c := range []struct {
		what, kind string
		data       []byte
		dockerfile bool
		fault      string
	}{
		{what: "tar", kind: "application/x-tar", data: plain},
		{what: "tar that claims to be text", kind: "text/plain", data: plain},
		{what: "gzip", kind: "application/octet-stream", data: compressed(t, plain)},
		{what: "gzip of no type", data: compressed(t, plain)},
		{what: "empty tar", kind: "application/tar", data: make([]byte, 1024)},
		{what: "text", kind: "text/plain; charset=utf-8", data: []byte("FROM scratch\n"), dockerfile: true},
		{what: "octets that are text", kind: "application/octet-stream", data: []byte("FROM scratch\n"), dockerfile: true},
		{what: "text of no type", data: []byte("FROM scratch\n"), dockerfile: true},
		{what: "page", kind: "text/html", data: []byte("<html>"), fault: `unsupported Content-Type "text/html"`},
		{what: "binary", kind: "application/octet-stream", data: []byte("\x7fELF\x00\x00"), fault: "unsupported Content-Type"},
		{what: "nothing", kind: "text/plain", fault: "empty response"},
		{what: "big", kind: "text/plain", data: bytes.Repeat([]byte("#"), 2000), fault: "larger than 1000 bytes"},
	} {
		s := answer(t, c.kind, c.data)
		got, err := Fetch(t.Context(), s.URL+"/x", Options{MaxDockerfile: 1000})
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) || !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Errorf("%s: %v, want %s", c.what, err, c.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		data := got.Dockerfile
		if got.Archive != nil {
			if data, err = io.ReadAll(got.Archive); err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			if err := got.Archive.Close(); err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
		}
		if c.dockerfile != (got.Archive == nil) || !bytes.Equal(data, c.data) {
			t.Errorf("%s: %d bytes, Dockerfile %q", c.what, len(data), got.Dockerfile)
		}
	}
}

func TestDownload(t *testing.T) {
	at := time.Date(2014, 8, 1, 2, 3, 4, 0, time.UTC)
	mux := http.NewServeMux()
	mux.HandleFunc("/dir/file.txt", func(w http.ResponseWriter, r *http.Request) {
		if _, zipped := r.Header["Accept-Encoding"]; zipped {
			t.Error("asks for compression: bytes would not be those of the server")
		}
		w.Header().Set("Last-Modified", at.Format(http.TimeFormat))
		w.Header().Set("ETag", `"1"`)
		fmt.Fprint(w, "hello")
	})
	mux.HandleFunc("/named/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="../a/b.tgz"`)
		w.(http.Flusher).Flush()
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/dir/file.txt", http.StatusFound) })
	mux.HandleFunc("/circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusFound) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "12345")
	})
	for code, name := range map[int]string{400: "/400", 401: "/401", 403: "/403", 500: "/500"} {
		mux.HandleFunc(name, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "why not", code) })
	}
	s := httptest.NewServer(mux)
	defer s.Close()

	var current, total int64
	r, err := Download(t.Context(), s.URL+"/dir/file.txt?q=/x", Options{Progress: func(c, t int64) { current, total = c, t }})
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil || string(data) != "hello" || r.Size != 5 || r.Name != "file.txt" || !r.ModTime.Equal(at) || r.ETag != `"1"` || current != 5 || total != 5 {
		t.Errorf("%q, %v, %+v, progress %d/%d", data, err, r, current, total)
	}
	if err := r.Body.Close(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"/named/": "b.tgz", "/to": "to", "/dir/../dir/file.txt": "file.txt"} {
		r, err := Download(t.Context(), s.URL+name, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Name != want {
			t.Errorf("%s is called %q, want %q", name, r.Name, want)
		}
		if name == "/named/" && (!r.ModTime.Equal(time.Unix(0, 0)) || r.Size != -1) {
			t.Errorf("%s: %v, %d bytes", name, r.ModTime, r.Size)
		}
		if err := r.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, kind := range map[string]errdefs.Kind{
		"/none": errdefs.KindNotFound, "/400": errdefs.KindInvalidArgument, "/401": errdefs.KindUnauthorized,
		"/403": errdefs.KindForbidden, "/500": errdefs.KindUnavailable, "/circle": errdefs.KindUnavailable,
	} {
		_, err := Download(t.Context(), strings.Replace(s.URL, "://", "://me:secret@", 1)+name, Options{})
		if !errdefs.Is(err, kind) || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "failed to GET http://me:xxxxx@") {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err = Download(t.Context(), s.URL+"/cut", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r.Body); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "after 5 bytes") {
		t.Errorf("cut: %v", err)
	}
	if err := r.Body.Close(); err != nil {
		t.Error(err)
	}
}

func TestDownload_Faults(t *testing.T) {
	for _, text := range []string{"", "file:///etc/passwd", "http://", "http:// x", "ftp://h/x", "http://[::1", "http://u:secret@h\x7f/"} {
		if _, err := Download(t.Context(), text, Options{}); !errdefs.Is(err, errdefs.KindInvalidArgument) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Fetch(t.Context(), "ftp://h/x", Options{}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel(errors.New("the user left"))
		<-r.Context().Done()
	}))
	defer s.Close()
	if _, err := Download(ctx, s.URL, Options{}); err == nil || err.Error() != "the user left" {
		t.Errorf("cancelled: %v", err)
	}
}
