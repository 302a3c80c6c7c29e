//go:build linux

package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/docker/libtrust"

	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
	"github.com/enginejobs/docker/pkg/pipe"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/registry"
)

// schema1 makes the manifest that registries of before schema 2 take. It is
// signed with a key that is made for it: the signature protects the text, it
// names nobody.
func (p *pusher) schema1(img *image.Image, man ociManifest) (*registry.Manifest, error) {
	classic, err := toClassic(img)
	if err != nil {
		return nil, err
	}
	type blobSum struct {
		BlobSum string `json:"blobSum"`
	}
	type document struct {
		V1Compatibility string `json:"v1Compatibility"`
	}
	doc := struct {
		SchemaVersion int        `json:"schemaVersion"`
		Name          string     `json:"name"`
		Tag           string     `json:"tag"`
		Architecture  string     `json:"architecture"`
		FSLayers      []blobSum  `json:"fsLayers"`
		History       []document `json:"history"`
	}{SchemaVersion: 1, Name: p.ref.Path, Tag: p.ref.Tag, Architecture: img.Architecture}
	for i := len(classic) - 1; i >= 0; i-- { // it begins at the top
		doc.FSLayers = append(doc.FSLayers, blobSum{man.Layers[i].Digest})
		doc.History = append(doc.History, document{string(classic[i].json)})
	}
	raw, err := json.MarshalIndent(doc, "", "   ")
	if err != nil {
		return nil, err
	}
	key, err := libtrust.GenerateECP256PrivateKey()
	if err != nil {
		return nil, fmt.Errorf("signing a manifest: %w", err)
	}
	sig, err := libtrust.NewJSONSignature(raw)
	if err == nil {
		err = sig.Sign(key)
	}
	if err != nil {
		return nil, fmt.Errorf("signing a manifest: %w", err)
	}
	signed, err := sig.PrettySignature("signatures")
	if err != nil {
		return nil, fmt.Errorf("signing a manifest: %w", err)
	}
	return &registry.Manifest{MediaType: registry.TypeSignedSchema1, Raw: signed}, nil
}

// pushV1 sends images to a registry that knows the protocol v1 only.
func (s *Store) pushV1(ctx context.Context, opt pushOptions, refs []reference.Ref, out *jsonstream.Writer) error {
	repo, err := s.registries.OpenV1(ctx, opt.name, opt.auth, true)
	if err != nil {
		return err
	}
	var list []registry.V1Image
	var jobs []v1Push
	for _, ref := range refs {
		img, release, err := s.holdImage(ref.String())
		if err != nil {
			return err
		}
		defer release()
		layers, err := toClassic(img)
		if err != nil {
			return err
		}
		for i, l := range layers {
			row := registry.V1Image{ID: l.id}
			if i == len(layers)-1 {
				row.Tag = ref.Tag
			}
			list = append(list, row)
		}
		jobs = append(jobs, v1Push{ref, layers, image.ChainIDs(img.RootFS.DiffIDs)})
	}
	if err := repo.Begin(ctx, list); err != nil {
		return err
	}
	for _, j := range jobs {
		if err := s.pushV1Image(ctx, repo, j, out); err != nil {
			return fmt.Errorf("pushing %s: %w", j.ref.FamiliarString(), err)
		}
	}
	return repo.End(ctx, list)
}

// v1Push is one image on its way to a registry of v1.
type v1Push struct {
	ref    reference.Ref
	layers []classicLayer // base first
	chains []string
}

func (s *Store) pushV1Image(ctx context.Context, repo registry.V1Repository, j v1Push, out *jsonstream.Writer) error {
	top := ""
	for i, l := range j.layers {
		top = l.id
		has, err := repo.HasImage(ctx, l.id)
		if err != nil {
			return err
		}
		if has {
			_ = out.Progress(image.ShortID(l.id), "Image already pushed, skipping", jsonstream.Progress{})
			continue
		}
		if err := s.pushV1Layer(ctx, repo, l, j.chains[i], out); err != nil {
			return err
		}
		_ = out.Progress(image.ShortID(l.id), "Image successfully pushed", jsonstream.Progress{})
	}
	if err := repo.PutTag(ctx, j.ref.Tag, top); err != nil {
		return err
	}
	s.event(ctx, "push", j.ref.FamiliarString(), map[string]string{"name": j.ref.FamiliarName()})
	return out.Status("", "Pushing tag for rev [%s] on {%s/v1/repositories/%s/tags/%s}", image.ShortID(top), repo.Endpoint(), j.ref.Path, j.ref.Tag)
}

func (s *Store) pushV1Layer(ctx context.Context, repo registry.V1Repository, l classicLayer, chain string, out *jsonstream.Writer) error {
	layer, length, err := s.openLayer(ctx, chain)
	if err != nil {
		return err
	}
	defer layer.Close()
	packed := pipe.From(func(w io.Writer) error {
		return pack(w, &pushedReader{r: layer, out: out, id: image.ShortID(l.id), total: length})
	})
	err = repo.PutImage(ctx, l.id, l.json, packed)
	return cmp.Or(packed.Close(), err)
}
