//go:build linux

package graph

import (
	"encoding/json"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/registry"
)

func (s *Store) distributionInspectDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "distribution_inspect", Summary: "Ask a registry what a name is, without bringing it.",
		Args:   []engine.Arg{{Name: "NAME", Summary: "name of an image, with tag or digest; latest by default"}},
		Env:    []engine.Key{{Name: "authConfig", Type: engine.JSON, Secret: true, Summary: "who asks, an api.AuthConfig"}},
		Stdout: engine.JSONDocument, Handler: s.jobDistributionInspect,
	}
}

// distribution is the answer of distribution_inspect, as the API has it.
type distribution struct {
	Descriptor registry.Descriptor
	Platforms  []platform
}

// jobDistributionInspect
//
//	Usage:  distribution_inspect NAME
//	Env:    authConfig
//	Stdout: JSON: Descriptor (mediaType, digest, size) and Platforms
//	Errors: NotFound, Unauthorized, Unavailable (the registry), InvalidArgument (name)
func (s *Store) jobDistributionInspect(job *engine.Job) error {
	var auth registry.Auth
	if err := job.GetenvJson("authConfig", &auth); err != nil {
		return err
	}
	ref, err := reference.Parse(job.Args[0])
	if err != nil {
		return errdefs.InvalidArgument("invalid reference format: %q names no image: %w", job.Args[0], err)
	}
	if s.registries == nil {
		return errdefs.NotImplemented("this engine reaches no registries")
	}
	ref = ref.WithDefaultTag()
	repo, err := s.registries.Open(job.Context(), ref, auth, false)
	if err != nil {
		return err
	}
	wanted := ref.Tag
	if ref.Digest != "" {
		wanted = ref.Digest
	}
	m, err := repo.Manifest(job.Context(), wanted)
	if err != nil {
		return err
	}
	out := distribution{
		Descriptor: registry.Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: int64(len(m.Raw))},
		Platforms:  []platform{},
	}
	switch m.MediaType {
	case registry.TypeManifestList, registry.TypeOCIIndex:
		var index ociIndex
		if err := json.Unmarshal(m.Raw, &index); err != nil {
			return errdefs.InvalidArgument("reading the list of platforms: %w", err)
		}
		for _, d := range index.Manifests {
			if d.Platform != nil {
				out.Platforms = append(out.Platforms, *d.Platform)
			}
		}
	case registry.TypeSchema2, registry.TypeOCIManifest:
		man, err := parseManifest(m)
		if err != nil {
			return err
		}
		body, err := repo.Blob(job.Context(), registry.Descriptor{Digest: man.Config.Digest, Size: man.Config.Size})
		if err != nil {
			return err
		}
		raw, err := readConfig(body, ref.FamiliarString())
		if err != nil {
			return err
		}
		img, err := image.Parse(raw)
		if err != nil {
			return err
		}
		out.Platforms = append(out.Platforms, platform{OS: img.OS, Architecture: img.Architecture, Variant: img.Variant, OSVersion: img.OSVersion})
	case registry.TypeSignedSchema1, registry.TypeSchema1:
		var man schema1
		if err := json.Unmarshal(m.Raw, &man); err != nil {
			return errdefs.InvalidArgument("reading the manifest: %w", err)
		}
		out.Platforms = append(out.Platforms, platform{OS: "linux", Architecture: man.Architecture})
	}
	return job.WriteJSON(out)
}
