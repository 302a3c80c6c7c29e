package registry

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

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
