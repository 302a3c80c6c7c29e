//go:build linux

package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/registry"
)

// Schema 1 of the manifest (distribution's spec/manifest-v2-1) is a list of
// classic images, the top one first.

// schema1 is such a manifest.
type schema1 struct {
	SchemaVersion int    `json:"schemaVersion"`
	Name          string `json:"name"`
	Tag           string `json:"tag"`
	Architecture  string `json:"architecture"`
	FSLayers      []struct {
		BlobSum string `json:"blobSum"`
	} `json:"fsLayers"`
	History []struct {
		V1Compatibility string `json:"v1Compatibility"`
	} `json:"history"`
}

// step is one layer of a schema 1 manifest, base first.
type step struct {
	blob    string
	classic classicImage
	raw     []byte
	empty   bool // it has no layer: an instruction that changed the configuration
}

// parseSchema1 reads a manifest and what it says of each layer, base first.
func parseSchema1(m registry.Manifest) ([]step, error) {
	raw := m.Raw
	if m.MediaType == registry.TypeSignedSchema1 {
		var err error
		if raw, err = registry.SignedPayload(m.Raw); err != nil {
			return nil, err
		}
	}
	var man schema1
	if err := json.Unmarshal(raw, &man); err != nil {
		return nil, errdefs.InvalidArgument("reading the manifest: %w", err)
	}
	n := len(man.FSLayers)
	if man.SchemaVersion != 1 || n == 0 || n != len(man.History) || n > maxManifestLayers {
		return nil, errdefs.InvalidArgument("the manifest of schema 1 has %d layers and %d documents", n, len(man.History))
	}
	steps := make([]step, n)
	for i := range steps {
		at := n - 1 - i // the manifest begins at the top
		s := step{blob: man.FSLayers[at].BlobSum, raw: []byte(man.History[at].V1Compatibility)}
		if !image.ValidDigest(s.blob) {
			return nil, errdefs.InvalidArgument("the manifest names %q, which is no sha256 digest", s.blob)
		}
		var err error
		if s.classic, err = parseClassic(s.raw); err != nil {
			return nil, err
		}
		var more struct {
			Throwaway bool `json:"throwaway"`
		}
		if err := json.Unmarshal(s.raw, &more); err != nil {
			return nil, errdefs.InvalidArgument("reading classic image document: %w", err)
		}
		s.empty = more.Throwaway
		steps[i] = s
	}
	return steps, nil
}

// bringSchema1 brings an image that has no document of its own: one is made.
func (p *puller) bringSchema1(ctx context.Context, m registry.Manifest, names []reference.Ref) (*image.Image, error) {
	steps, err := parseSchema1(m)
	if err != nil {
		return nil, fmt.Errorf("pulling %s: %w", p.ref.FamiliarString(), err)
	}
	var sources []layerSource
	for _, st := range steps {
		if !st.empty {
			sources = append(sources, p.source(ociDescriptor{MediaType: mediaDockerLayer, Digest: st.blob}, ""))
		}
	}
	return p.s.bringSteps(ctx, steps, sources, names)
}

// bringSteps brings the layers of classic images and makes the document.
func (s *Store) bringSteps(ctx context.Context, steps []step, sources []layerSource, names []reference.Ref) (*image.Image, error) {
	held, err := s.bringLayers(ctx, sources)
	if err != nil {
		return nil, err
	}
	defer held.release()
	var history []classicHistory
	for _, st := range steps {
		history = append(history, st.classic.history(st.empty))
	}
	raw, err := fromClassic(steps[len(steps)-1].raw, held.diffIDs, history)
	if err != nil {
		return nil, err
	}
	return s.keepDocument(ctx, held, raw, "", names...)
}

// pullV1 brings images from a registry that knows the protocol v1 only.
func (s *Store) pullV1(ctx context.Context, opt pullOptions, out *jsonstream.Writer) error {
	repo, err := s.registries.OpenV1(ctx, opt.name, opt.auth, false)
	if err != nil {
		return err
	}
	if opt.name.Digest != "" {
		return errdefs.InvalidArgument("%s cannot be pulled by digest: its registry speaks the protocol v1 only", opt.name.FamiliarString())
	}
	tags, err := repo.Tags(ctx)
	if err != nil {
		return err
	}
	newer := false
	for tag, id := range tags {
		if !opt.all && tag != opt.name.Tag {
			continue
		}
		ref, err := opt.name.WithTag(tag)
		if err != nil {
			return errdefs.Unavailable("registry %s lists a tag that is none: %q", repo.Endpoint(), tag)
		}
		if err := out.Status(tag, "Pulling from %s", ref.Path); err != nil {
			return err
		}
		before := s.current.Load().refs[ref.String()]
		img, err := s.bringV1(ctx, repo, id, ref, out)
		if err != nil {
			return fmt.Errorf("pulling %s: %w", ref.FamiliarString(), err)
		}
		if img.ID != before {
			newer = true
			s.event(ctx, "pull", ref.FamiliarString(), map[string]string{"name": ref.FamiliarName()})
		}
		if !opt.all {
			return pullStatus(out, opt, newer)
		}
	}
	if !opt.all {
		return errdefs.NotFound("Tag %s not found in repository %s", opt.name.Tag, opt.name.FamiliarName())
	}
	return pullStatus(out, opt, newer)
}

// bringV1 brings one image and those below it.
func (s *Store) bringV1(ctx context.Context, repo registry.V1Repository, id string, ref reference.Ref, out *jsonstream.Writer) (*image.Image, error) {
	line, err := repo.Ancestry(ctx, id)
	if err != nil {
		return nil, err
	}
	var steps []step
	var sources []layerSource
	for i := len(line) - 1; i >= 0; i-- { // base first
		raw, size, err := repo.ImageJSON(ctx, line[i])
		if err != nil {
			return nil, err
		}
		classic, err := parseClassic(raw)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{classic: classic, raw: raw})
		bar := newLayerBar(out, ociDescriptor{Digest: line[i], Size: max(size, 0)})
		sources = append(sources, layerSource{progress: bar.show, open: func(ctx context.Context, report func(layerState)) (io.ReadCloser, error) {
			report(layerState{phase: layerWaiting})
			release, err := s.downloads.take(ctx)
			if err != nil {
				return nil, err
			}
			body, err := repo.Layer(ctx, line[i])
			if err != nil {
				release()
				return nil, err
			}
			return &slotBody{body, release}, nil
		}})
	}
	return s.bringSteps(ctx, steps, sources, []reference.Ref{ref})
}
