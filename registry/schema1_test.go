package registry

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/enginejobs/docker/registry/registrytest"
)

const schema1Text = `{
   "schemaVersion": 1,
   "name": "old/one",
   "tag": "latest",
   "architecture": "amd64",
   "fsLayers": [],
   "history": []
}`

// The digest of a signed manifest is that of what was signed; signatures are
// verified.
func TestSignedManifest(t *testing.T) {
	raw := registrytest.Sign(t, []byte(schema1Text))
	payload, err := SignedPayload(raw)
	if err != nil || string(payload) != schema1Text {
		t.Fatalf("%s, %v", payload, err)
	}
	peer := registrytest.New(t, registrytest.Options{})
	s := service(t, Options{})
	r := open(t, s, peer.Host()+"/old/one", Auth{}, true)
	digest, err := r.PutManifest(t.Context(), "latest", Manifest{MediaType: TypeSignedSchema1, Raw: raw})
	if err != nil || digest != registrytest.Digest([]byte(schema1Text)) {
		t.Fatalf("%s, %v", digest, err)
	}
	for _, ref := range []string{"latest", digest} {
		m, err := r.Manifest(t.Context(), ref)
		if err != nil || m.Digest != digest || m.MediaType != TypeSignedSchema1 || !bytes.Equal(m.Raw, raw) {
			t.Errorf("%s: %+v, %v", ref, m, err)
		}
	}
	other := bytes.Replace(raw, []byte("old/one"), []byte("new/one"), 1)
	peer.AddManifest("old/one", "other", TypeSignedSchema1, other)
	if _, err := r.Manifest(t.Context(), "other"); err == nil || !strings.Contains(err.Error(), "sign") {
		t.Errorf("another text under the signature: %v", err)
	}
	peer.AddManifest("old/one", "swapped", TypeSignedSchema1, registrytest.Sign(t, []byte(strings.Replace(schema1Text, "latest", "swapped", 1))))
	peer.Fail(registrytest.Fault{Path: "/manifests/" + digest, Redirect: "/v2/old/one/manifests/swapped"})
	if _, err := r.Manifest(t.Context(), digest); !errors.Is(err, ErrDigest) {
		t.Errorf("another manifest, signed as well: %v", err)
	}
	for _, bad := range []string{"", "{}", "{", `{"signatures":[]}`, `{"signatures":[{}]}`, `{"signatures":[{"protected":"!"}]}`} {
		if _, err := SignedPayload([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
