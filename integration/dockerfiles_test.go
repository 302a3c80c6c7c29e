package integration

import (
	"flag"
	"testing"
)

// dockerfilesHeavy is what `make dockerfiles` sets.
var dockerfilesHeavy = flag.Bool("dockerfiles.heavy", false, "build the Dockerfiles that need package registries and minutes, too")

// Dockerfiles after the patterns of popular images give the same images as by
// dockerd 20.10, by its classic builder or by BuildKit.
func TestDockerfiles(t *testing.T) {
	checkDockerfiles(t, false)
}

// TestDockerfilesOfPackages needs the registries of Debian, Go and npm.
func TestDockerfilesOfPackages(t *testing.T) {
	if !*dockerfilesHeavy {
		t.Skip("minutes, and registries of packages: make dockerfiles")
	}
	checkDockerfiles(t, true)
}

func checkDockerfiles(t *testing.T, heavy bool) {
	t.Helper()
	cases := dockerfileCases(t, heavy)
	peers := newDockerfilePeers(t, cases)
	t.Run("all", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				peers.check(t, c)
			})
		}
	})
}
