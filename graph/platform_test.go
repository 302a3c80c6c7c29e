//go:build linux

package graph

import (
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

// A reader may ask for the image of one platform: another one is not found.
func TestPlatformOfReaders(t *testing.T) {
	b := newBench(t)
	b.add("box", "one")
	for _, job := range []string{"image_inspect", "history"} {
		for _, good := range []string{"linux/amd64", `{"os":"linux","architecture":"amd64"}`} {
			if _, err := b.run(nil, map[string]string{"platform": good}, job, "box"); err != nil {
				t.Errorf("%s for %s: %v", job, good, err)
			}
		}
		_, err := b.run(nil, map[string]string{"platform": "linux/s390x"}, job, "box")
		b.wantKind(err, errdefs.KindNotFound, "image with reference box was found but does not provide the specified platform (linux/s390x)")
		_, err = b.run(nil, map[string]string{"platform": "linux"}, job, "box")
		b.wantKind(err, errdefs.KindInvalidArgument, `invalid platform "linux"`)
	}
}
