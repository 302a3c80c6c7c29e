//go:build linux

package graph

import (
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
)

func (s *Store) imageInspectDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "image_inspect", Summary: "Show what is known of an image.",
		Args: []engine.Arg{{Name: "IMAGE", Summary: "name or id"}},
		Env: []engine.Key{
			{Name: "platform", Summary: "has to be the image's when it is given"},
			{Name: "raw", Type: engine.Bool, Summary: "the stored document, byte for byte"},
		},
		Stdout: engine.JSONDocument, Handler: s.jobImageInspect,
	}
}

// jobImageInspect
//
//	Usage:  image_inspect IMAGE
//	Env:    platform, raw
//	Stdout: JSON of api.ImageInspect, or with raw the document itself
//	Errors: NotFound (also of the platform), InvalidArgument (an ambiguous id, a
//	        malformed name or platform)
func (s *Store) jobImageInspect(job *engine.Job) error {
	raw := decodeImageInspect(job)
	img, err := s.imageFor(job.Args[0], job.Getenv("platform"))
	if err != nil {
		return err
	}
	if raw {
		_, err := job.Stdout.Write(img.Raw)
		return err
	}
	return job.WriteJSON(s.inspect(img))
}

func decodeImageInspect(job *engine.Job) (raw bool) { return job.GetenvBool("raw") }

// imageFor finds an image that has to be for a platform, unless that is empty.
func (s *Store) imageFor(ref, want string) (*image.Image, error) {
	img, err := s.Image(ref)
	if err != nil || want == "" {
		return img, err
	}
	p, err := parsePlatform(want)
	if err != nil {
		return nil, err
	}
	if !p.matches(platformOf(img)) {
		return nil, notFor(ref, p)
	}
	return img, nil
}

func notFor(ref string, p platform) error {
	return errdefs.NotFound("image with reference %s was found but does not provide the specified platform (%s)", ref, p)
}

func (s *Store) inspect(img *image.Image) *api.ImageInspect {
	doc := &api.ImageInspect{
		Id: img.ID, RepoTags: orEmpty(img.RepoTags), RepoDigests: orEmpty(img.RepoDigests),
		Parent: img.Parent, Comment: img.Comment, Created: img.CreatedTime().UTC().Format(time.RFC3339Nano),
		Container: img.Container, ContainerConfig: img.ContainerConfig, DockerVersion: img.DockerVersion,
		Author: img.Author, Config: img.Config, Architecture: img.Architecture, Variant: img.Variant,
		Os: img.OS, OsVersion: img.OSVersion, Size: img.Size, VirtualSize: img.Size,
		RootFS: api.ImageRootFS{Type: img.RootFS.Type, Layers: img.RootFS.DiffIDs},
	}
	doc.Metadata.LastTagTime = img.TagTime.UTC().Format(time.RFC3339Nano)
	doc.GraphDriver.Name = s.driver.Name()
	s.mu.Lock()
	l := s.layers[img.ChainID]
	s.mu.Unlock()
	if l != nil {
		// An image that is deleted at this moment has no directories to show.
		doc.GraphDriver.Data, _ = s.driver.Metadata(l.cacheID)
	}
	return doc
}
