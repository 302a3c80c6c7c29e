package image_test

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/image"
)

// FuzzParse: a document that is accepted keeps its bytes and has the id that
// follows from them, and what is asked of it most does not fail.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:` + strings.Repeat("a", 64) + `"]},
"created":"2020-01-01T00:00:00Z","history":[{"empty_layer":true}],"config":{"Cmd":["sh"],"Labels":{"a":"b"}}}`))
	f.Add([]byte(`{"rootfs":{"diff_ids":["sha256:../../x"]}}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"config":{"Entrypoint":"one string","Volumes":null,"Healthcheck":{"Test":["NONE"]}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		img, err := image.Parse(raw)
		if err != nil {
			return
		}
		if img.ID != image.Digest(raw) || string(img.Raw) != string(raw) {
			t.Errorf("id %s of %d bytes", img.ID, len(img.Raw))
		}
		for _, id := range append(img.RootFS.DiffIDs, image.ChainIDs(img.RootFS.DiffIDs)...) {
			if !image.ValidDigest(id) {
				t.Errorf("%q is accepted as a digest", id)
			}
		}
		_, _ = img.Labels(), img.CreatedTime()
	})
}
