package registry

import (
	"github.com/docker/libtrust"

	"github.com/enginejobs/docker/errdefs"
)

// SignedPayload is what was signed of a manifest of schema 1 in the pretty form of
// libtrust. The signatures are verified, not who made them: their key comes with
// them, so they protect the text from accidents only.
func SignedPayload(raw []byte) ([]byte, error) {
	sig, err := libtrust.ParsePrettySignature(raw, "signatures")
	if err != nil {
		return nil, errdefs.InvalidArgument("reading a signed manifest: %w", err)
	}
	if _, err := sig.Verify(); err != nil {
		return nil, errdefs.InvalidArgument("verifying a signed manifest: %w", err)
	}
	payload, err := sig.Payload()
	if err != nil {
		return nil, errdefs.InvalidArgument("reading a signed manifest: %w", err)
	}
	return payload, nil
}
