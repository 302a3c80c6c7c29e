//go:build linux

package graph

import (
	"testing"

	"github.com/enginejobs/docker/registry/registrytest"
)

// What was learned of images that have gone is forgotten by the next start, and
// what was learned of others is not.
func TestKnownIsSwept(t *testing.T) {
	b, peer := newPeer(t, registrytest.Options{})
	gone, _ := publish(t, peer, "team/gone", "v1", "shared", "gone")
	stays, _ := publish(t, peer, "team/stays", "v1", "shared", "stays")
	for _, name := range []string{"/team/gone:v1", "/team/stays:v1"} {
		if out, err := b.run(nil, nil, "pull", peer.Host()+name); err != nil {
			t.Fatalf("%q %v", out, err)
		}
	}
	img, err := b.Image(gone)
	if err != nil {
		t.Fatal(err)
	}
	layer := img.RootFS.DiffIDs[1]
	if len(b.knownBlobs(layer)) != 1 || len(b.knownManifests(gone)) != 1 {
		t.Fatal("nothing was learned from the registry")
	}
	if _, err := b.run(nil, map[string]string{"force": "1"}, "image_delete", gone); err != nil {
		t.Fatal(err)
	}
	b.open()
	if n, m := len(b.knownBlobs(layer)), len(b.knownManifests(gone)); n+m > 0 {
		t.Errorf("known of what has gone: %d blobs, %d manifests", n, m)
	}
	if n, m := len(b.knownBlobs(img.RootFS.DiffIDs[0])), len(b.knownManifests(stays)); n != 2 || m != 1 {
		t.Errorf("known of what is there: %d blobs, %d manifests", n, m)
	}
}
