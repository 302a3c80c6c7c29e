package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/registry/registrytest"
)

// endless is a body that never ends.
type endless struct{ n int64 }

// Read gives zeros.
func (e *endless) Read(p []byte) (int, error) { e.n += int64(len(p)); clear(p); return len(p), nil }

// uploadTo begins an upload to a registry that takes bodies as it likes.
func uploadTo(t *testing.T, s *Service, take http.HandlerFunc) Upload {
	t.Helper()
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.Method {
		case http.MethodPost:
			w.Header().Set("Location", "/upload")
			w.WriteHeader(http.StatusAccepted)
		case http.MethodPatch, http.MethodPut:
			take(w, q)
		}
	}))
	t.Cleanup(func() {
		peer.CloseClientConnections()
		peer.Close()
	})
	u, err := open(t, s, strings.TrimPrefix(peer.URL, "http://")+"/x", Auth{}, true).Upload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestUploadFaults(t *testing.T) {
	over := make(chan struct{})
	for what, tc := range map[string]struct {
		take http.HandlerFunc
		text string
	}{
		"takes nothing": {func(http.ResponseWriter, *http.Request) { <-over }, "nothing came for too long"},
		"refuses early": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}, "413"},
		"breaks": {func(_ http.ResponseWriter, q *http.Request) {
			_, _ = io.CopyN(io.Discard, q.Body, 1<<20)
			panic(http.ErrAbortHandler)
		}, "asking registry"},
		"says yes early": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/upload")
			w.WriteHeader(http.StatusAccepted)
			http.NewResponseController(w).Flush()
		}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			u := uploadTo(t, service(t, Options{Stall: 200 * time.Millisecond}), tc.take)
			began := time.Now()
			_, err := u.Send(t.Context(), &endless{})
			if what == "takes nothing" {
				close(over)
			}
			if err == nil || !strings.Contains(err.Error(), tc.text) && what != "refuses early" {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// What is sent does not stay in memory, and our own slowness is no fault of the
// registry.
func TestUploadStreams(t *testing.T) {
	var got int64
	u := uploadTo(t, service(t, Options{Stall: 300 * time.Millisecond}), func(w http.ResponseWriter, q *http.Request) {
		got, _ = io.Copy(io.Discard, q.Body)
		w.Header().Set("Location", "/upload")
		w.WriteHeader(http.StatusAccepted)
	})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	slow := readerFunc(func([]byte) (int, error) { time.Sleep(500 * time.Millisecond); return 0, io.EOF })
	const size = 256 << 20
	n, err := u.Send(t.Context(), io.MultiReader(io.LimitReader(&endless{}, size), slow))
	runtime.ReadMemStats(&after)
	if err != nil || n != size || got != size {
		t.Errorf("sent %d, came %d: %v", n, got, err)
	}
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 16<<20 {
		t.Errorf("%d MB were allocated", grown>>20)
	}
}

type readerFunc func([]byte) (int, error)

// Read calls the function.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestUploadCancel(t *testing.T) {
	u := uploadTo(t, service(t, Options{}), func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	if _, err := u.Send(ctx, &endless{}); !errors.Is(err, context.Canceled) || time.Since(began) > time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// A stream cannot be repeated, so a token that has ended is replaced before it.
func TestTokenIsBoughtBeforeStream(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{Auth: "token"})
	s := service(t, Options{})
	u, err := open(t, s, peer.Host()+"/x", tester, true).Upload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	peer.ForgetTokens()
	s.mu.Lock()
	for key, tok := range s.tokens {
		tok.ends = time.Now().Add(time.Second)
		s.tokens[key] = tok
	}
	s.mu.Unlock()
	peer.Requests()
	if _, err := u.Send(t.Context(), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if got := peer.Requests(); !slices.Contains(got, "GET /token") || strings.HasPrefix(got[0], "PATCH") {
		t.Errorf("asked %q", got)
	}
	if err := u.Commit(t.Context(), registrytest.Digest([]byte("y"))); !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.Contains(err.Error(), "digest invalid") {
		t.Errorf("a wrong digest: %v", err)
	}
}
