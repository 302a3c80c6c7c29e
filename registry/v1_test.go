package registry

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/registry/registrytest"
)

func TestV1(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{V1: true})
	s := service(t, Options{})
	ref := name(t, peer.Host()+"/old/one")
	if _, err := s.Open(t.Context(), ref, Auth{}, false); !errors.Is(err, ErrNoV2) {
		t.Fatalf("v2 of a registry of v1: %v", err)
	}
	base, top := strings.Repeat("a", 64), strings.Repeat("b", 64)
	push, err := s.OpenV1(t.Context(), ref, tester, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := push.Begin(t.Context(), []V1Image{{ID: base}, {ID: top, Tag: "latest"}}); err != nil {
		t.Fatal(err)
	}
	for id, doc := range map[string]string{base: `{"id":"` + base + `"}`, top: `{"id":"` + top + `","parent":"` + base + `"}`} {
		if err := push.PutImage(t.Context(), id, []byte(doc), strings.NewReader("layer of "+id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(push.PutTag(t.Context(), "latest", top), push.End(t.Context(), nil)); err != nil {
		t.Fatal(err)
	}
	pull, err := s.OpenV1(t.Context(), ref, Auth{}, false)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := pull.Tags(t.Context())
	if err != nil || tags["latest"] != top {
		t.Fatalf("%v %v", tags, err)
	}
	line, err := pull.Ancestry(t.Context(), top)
	if err != nil || !slices.Equal(line, []string{top, base}) {
		t.Fatalf("%v %v", line, err)
	}
	body, err := pull.Layer(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil || string(text) != "layer of "+base || body.Close() != nil {
		t.Errorf("%q %v", text, err)
	}
	for id, want := range map[string]bool{base: true, strings.Repeat("c", 64): false} {
		if has, err := pull.HasImage(t.Context(), id); err != nil || has != want {
			t.Errorf("%.6s: %v %v", id, has, err)
		}
	}
}

// The index may keep the images elsewhere; who is told nothing but the token.
func TestV1Endpoints(t *testing.T) {
	id := strings.Repeat("a", 64)
	layer := content(100_000)
	var said []string
	store := registrytest.New(t, registrytest.Options{V1: true})
	store.AddV1("x", "latest", id, []byte(`{"id":"`+id+`"}`), layer)
	index := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch {
		case strings.HasPrefix(q.URL.Path, "/v2/"):
			w.WriteHeader(http.StatusNotFound)
		case strings.HasSuffix(q.URL.Path, "/images"):
			said = append(said, q.Header.Get("Authorization")+" "+q.Header.Get("X-Docker-Token"))
			w.Header().Set("X-Docker-Token", `signature=1,repository="x",access=read`)
			w.Header().Set("X-Docker-Endpoints", "127.0.0.1:1, "+store.Host())
			_, _ = io.WriteString(w, "[]")
		}
	}))
	defer index.Close()
	s := service(t, Options{})
	r, err := s.OpenV1(t.Context(), name(t, strings.TrimPrefix(index.URL, "http://")+"/x"), tester, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(said) != 1 || !strings.HasPrefix(said[0], "Basic ") || !strings.HasSuffix(said[0], " true") {
		t.Errorf("the index was told %q", said)
	}
	if tags, err := r.Tags(t.Context()); err != nil || tags["latest"] != id || r.Endpoint() != store.URL {
		t.Errorf("%v %v from %s", tags, err, r.Endpoint())
	}
	store.Fail(registrytest.Fault{Path: "/layer", Cut: 40_000, Times: 1})
	body, err := r.Layer(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, layer) || body.Close() != nil {
		t.Errorf("%d bytes over a break: %v", len(got), err)
	}
}

func TestV1Faults(t *testing.T) {
	id := strings.Repeat("a", 64)
	peer := registrytest.New(t, registrytest.Options{V1: true})
	peer.AddV1("x", "latest", "../../etc", []byte(`{}`), nil)
	peer.AddV1("y", "latest", id, []byte(`{}`), nil)
	s := service(t, Options{})
	r, err := s.OpenV1(t.Context(), name(t, peer.Host()+"/x"), Auth{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if tags, err := r.Tags(t.Context()); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("%v %v", tags, err)
	}
	peer.Fail(registrytest.Fault{Path: "/ancestry", Huge: 100 << 20})
	if _, err := r.Ancestry(t.Context(), id); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("100 MB of ancestry: %v", err)
	}
	if _, err := s.OpenV1(t.Context(), name(t, peer.Host()+"/no"), Auth{}, false); !errdefs.IsNotFound(err) {
		t.Errorf("no such repository: %v", err)
	}
	if _, err := s.OpenV1(t.Context(), name(t, "ubuntu"), Auth{}, false); !errdefs.Is(err, errdefs.KindNotImplemented) {
		t.Errorf("the default registry: %v", err)
	}
}
