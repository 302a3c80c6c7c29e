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
	keys, err := sig.Verify()
	if err != nil {
		return nil, errdefs.InvalidArgument("verifying a signed manifest: %w", err)
	}
	if len(keys) == 0 {
		return nil, errdefs.InvalidArgument("verifying a signed manifest: nobody has signed it")
	}
	payload, err := sig.Payload()
	if err != nil {
		return nil, errdefs.InvalidArgument("reading a signed manifest: %w", err)
	}
	return payload, nil
}
