package registrytest

import (
	"testing"

	"github.com/docker/libtrust"
)

// typeSigned is the media type of signed manifests of schema 1. Their digest is
// that of what was signed.
const typeSigned = "application/vnd.docker.distribution.manifest.v1+prettyjws"

// Sign signs a manifest of schema 1, which has to be indented as libtrust wants it.
func Sign(t testing.TB, payload []byte) (raw []byte) {
	t.Helper()
	key, err := libtrust.GenerateECP256PrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	sig, err := libtrust.NewJSONSignature(payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := sig.Sign(key); err != nil {
		t.Fatal(err)
	}
	raw, err = sig.PrettySignature("signatures")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// manifestDigest is the digest under which a manifest is kept.
func manifestDigest(kind string, raw []byte) string {
	if kind == typeSigned {
		if sig, err := libtrust.ParsePrettySignature(raw, "signatures"); err == nil {
			if payload, err := sig.Payload(); err == nil {
				return Digest(payload)
			}
		}
	}
	return Digest(raw)
}
