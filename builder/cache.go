package builder

import (
	"maps"
	"slices"

	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

// probe looks for what a step has made before: among the images that were made
// on its parent, the newest one whose container had the same configuration. After
// the first step that is not found no other one is looked for, so that what
// follows is built on what is new.
func (s *stage) probe(cc *runconfig.Config) (id string, hit bool) {
	if s.x.opt.NoCache || s.missed {
		return "", false
	}
	for _, img := range s.x.b.opt.Images.Children(s.image) {
		if img.ContainerConfig != nil && same(img.ContainerConfig, cc) && s.fits(img) {
			return img.ID, true
		}
	}
	s.missed = true
	return "", false
}

// fits tells whether an image that was made on nothing is for this platform.
func (s *stage) fits(img *image.Image) bool {
	if s.image != "" {
		return true
	}
	return matchesPlatform(img, s.node.Platform)
}

// same compares what decides what a command does, as Docker has from the
// beginning.
func same(a, b *runconfig.Config) bool {
	return !a.OpenStdin && !b.OpenStdin && a.AttachStdout == b.AttachStdout && a.AttachStderr == b.AttachStderr &&
		a.User == b.User && a.Tty == b.Tty && slices.Equal(a.Cmd, b.Cmd) && slices.Equal(a.Env, b.Env) &&
		slices.Equal(a.Entrypoint, b.Entrypoint) && maps.Equal(a.Labels, b.Labels) &&
		maps.Equal(a.ExposedPorts, b.ExposedPorts) && maps.Equal(a.Volumes, b.Volumes)
}
