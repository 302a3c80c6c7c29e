package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/registry/registrytest"
)

// Whatever the registry does, a blob is read whole and right or not at all.
func TestBlobFaults(t *testing.T) {
	blob := content(200_000)
	digest := registrytest.Digest(blob)
	for what, tc := range map[string]struct {
		faults []registrytest.Fault
		ok     bool
		is     error

		promised int64 // more than there is
	}{
		"cut twice":             {faults: []registrytest.Fault{{Cut: 70_000, Times: 1}, {Cut: 10_000, Times: 1}}, ok: true},
		"cut, no ranges":        {faults: []registrytest.Fault{{Cut: 70_000, Times: 1}, {NoRange: true}}, ok: true},
		"cut for ever":          {faults: []registrytest.Fault{{CutAt0: true}}},
		"stands still":          {faults: []registrytest.Fault{{Cut: 5_000, Stall: time.Minute, Times: 1}}, ok: true},
		"busy, then well":       {faults: []registrytest.Fault{{Status: 429, RetryAfter: "0", Times: 2}, {Status: 503, Times: 1}}, ok: true},
		"busy for an hour":      {faults: []registrytest.Fault{{Status: 429, RetryAfter: "3600"}}},
		"wrong bytes":           {faults: []registrytest.Fault{{Flip: true}}, is: ErrDigest},
		"too many bytes":        {faults: []registrytest.Fault{{Extra: 10}}, is: ErrDigest},
		"promised more":         {promised: 10, is: ErrDigest},
		"endless":               {faults: []registrytest.Fault{{Huge: 1 << 30}}, is: ErrDigest},
		"redirects for ever":    {faults: []registrytest.Fault{{Redirect: "/v2/x/blobs/" + digest}}},
		"never knows who asks":  {faults: []registrytest.Fault{{Status: 401}}},
		"server error for ever": {faults: []registrytest.Fault{{Status: 500}}},
	} {
		t.Run(what, func(t *testing.T) {
			peer := registrytest.New(t, registrytest.Options{})
			peer.AddBlob("x", blob)
			for _, f := range tc.faults {
				f.Path = "/blobs/"
				peer.Fail(f)
			}
			s := service(t, Options{Stall: 300 * time.Millisecond})
			body, err := open(t, s, peer.Host()+"/x", Auth{}, false).Blob(t.Context(), Descriptor{Digest: digest, Size: int64(len(blob)) + tc.promised})
			var got []byte
			if err == nil {
				got, err = io.ReadAll(body)
				_ = body.Close()
			}
			if tc.ok != (err == nil) || tc.ok && !bytes.Equal(got, blob) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("got %v", err)
			}
			if n := len(peer.Requests()); n > 30 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestManifestFaults(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{})
	digest := peer.AddManifest("x", "latest", TypeOCIManifest, []byte(`{"schemaVersion":2}`))
	s := service(t, Options{})
	r := open(t, s, peer.Host()+"/x", Auth{}, false)
	peer.Fail(registrytest.Fault{Path: "/manifests/", Flip: true})
	for _, ref := range []string{digest, "latest"} {
		if _, err := r.Manifest(t.Context(), ref); !errors.Is(err, ErrDigest) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	peer.Heal()
	peer.Fail(registrytest.Fault{Path: "/manifests/", Huge: 100 << 20})
	if _, err := r.Manifest(t.Context(), "latest"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("100 MB: %v", err)
	}
}

func TestCancel(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{})
	blob := content(1000)
	digest := peer.AddBlob("x", blob)
	peer.Fail(registrytest.Fault{Path: "/blobs/", Drip: 10 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	s := service(t, Options{})
	body, err := open(t, s, peer.Host()+"/x", Auth{}, false).Blob(ctx, Descriptor{Digest: digest, Size: 1000})
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	if _, err := io.ReadAll(body); !errors.Is(err, context.Canceled) || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
}

// Who answers badly at first is asked again; a status that stays is an error.
func TestOpenFaults(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{})
	peer.AddManifest("x", "latest", TypeOCIManifest, []byte("{}"))
	for what, tc := range map[string]struct {
		fault registrytest.Fault
		ok    bool
	}{
		"busy":            {registrytest.Fault{Status: 503, Times: 2}, true},
		"too many":        {registrytest.Fault{Status: 429, RetryAfter: "0", Times: 1}, true},
		"broken for ever": {registrytest.Fault{Status: 500}, false},
		"an hour":         {registrytest.Fault{Status: 429, RetryAfter: "3600"}, false},
		"redirects":       {registrytest.Fault{Redirect: "/v2/"}, false},
		"no v2":           {registrytest.Fault{Status: 403}, false},
	} {
		t.Run(what, func(t *testing.T) {
			defer peer.Heal()
			tc.fault.Path = "/v2/"
			peer.Fail(tc.fault)
			_, err := service(t, Options{}).Open(t.Context(), name(t, peer.Host()+"/x"), Auth{}, false)
			if tc.ok != (err == nil) {
				t.Error(err)
			}
		})
	}
}

// A registry that has gone is looked for again, at all of its addresses.
func TestEndpointIsForgotten(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{})
	s := service(t, Options{})
	r := open(t, s, peer.Host()+"/x", Auth{}, false)
	peer.Fail(registrytest.Fault{CutAt0: true})
	if _, err := r.Tags(t.Context()); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) != 0 {
		t.Errorf("still known: %v", s.known)
	}
}

// What a mirror cannot give is the registry's to give, in its words; a mirror that
// does not answer is left alone for a while.
func TestDeadMirror(t *testing.T) {
	dead, hub := registrytest.New(t, registrytest.Options{}), registrytest.New(t, registrytest.Options{})
	dead.Close()
	hub.AddManifest("library/x", "latest", TypeOCIManifest, []byte("{}"))
	var said []string
	s := service(t, Options{Mirrors: []string{dead.URL}, Logf: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }})
	s.known[defaultDomain] = repositoryAt(t, s, endpointOf(t, hub)).at // in the place of the default registry
	for range 2 {
		r := open(t, s, "x", Auth{}, false)
		if _, err := r.Manifest(t.Context(), "latest"); err != nil || r.Endpoint() != hub.URL {
			t.Errorf("%v from %s", err, r.Endpoint())
		}
	}
	if len(said) != 1 || !strings.Contains(said[0], dead.Host()) {
		t.Errorf("said %q", said)
	}
	if _, err := open(t, s, "x", Auth{}, false).Manifest(t.Context(), "no"); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

// The registry is not asked for what a mirror has.
func TestMirrorIsEnough(t *testing.T) {
	mirror, hub := registrytest.New(t, registrytest.Options{}), registrytest.New(t, registrytest.Options{})
	mirror.AddManifest("library/x", "latest", TypeOCIManifest, []byte("{}"))
	digest := mirror.AddBlob("library/x", content(10))
	s := service(t, Options{Mirrors: []string{mirror.URL}})
	s.known[defaultDomain] = endpointOf(t, hub)
	r := open(t, s, "x", tester, false)
	if _, err := r.Manifest(t.Context(), "latest"); err != nil {
		t.Fatal(err)
	}
	body, err := r.Blob(t.Context(), Descriptor{Digest: digest, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(body); err != nil || body.Close() != nil {
		t.Error(err)
	}
	if got := hub.Requests(); len(got) != 0 {
		t.Errorf("the registry was asked %q", got)
	}
}

func endpointOf(t *testing.T, peer *registrytest.Registry) endpoint {
	t.Helper()
	u, err := url.Parse(peer.URL)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint{base: *u}
}

// A blob that a mirror cannot finish is finished by the registry.
func TestBlobOverMirrors(t *testing.T) {
	blob := content(100_000)
	bad, good := registrytest.New(t, registrytest.Options{}), registrytest.New(t, registrytest.Options{})
	bad.AddBlob("library/x", blob)
	digest := good.AddBlob("library/x", blob)
	bad.Fail(registrytest.Fault{Path: "/blobs/", Cut: 30_000, Times: 1})
	bad.Fail(registrytest.Fault{Path: "/blobs/", CutAt0: true})
	s := service(t, Options{Mirrors: []string{bad.URL, good.URL}})
	at := s.endpoints(t.Context(), defaultDomain, false)
	m := newMirrored([]*repository{repositoryAt(t, s, at[0]), repositoryAt(t, s, at[1])})
	body, err := m.Blob(t.Context(), Descriptor{Digest: digest, Size: int64(len(blob))})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, blob) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
