//go:build linux

package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/registry"
)

func (s *Store) pullDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "pull", Summary: "Bring an image, or all of a repository, from its registry.",
		Args: []engine.Arg{
			{Name: "NAME", Summary: "repository; may carry a tag or a digest"},
			{Name: "TAG", Optional: true, Summary: "tag or digest; absent, and none in NAME: all tags"},
		},
		Env: []engine.Key{
			{Name: "authConfig", Type: engine.JSON, Secret: true, Summary: "who asks, an api.AuthConfig"},
			{Name: "json", Type: engine.Bool, Summary: "progress as JSON objects instead of text"},
			{Name: "metaHeaders", Type: engine.JSON, Summary: "accepted and not sent"},
			{Name: "parallel", Type: engine.Bool, Summary: "accepted; layers always come side by side"},
			{Name: "platform", Summary: "os/architecture[/variant] of the image; the host's by default"},
		},
		Stdout: engine.Bytes, Changes: true, Handler: s.jobPull,
	}
}

// pullOptions is what is asked for.
type pullOptions struct {
	name     reference.Ref // with tag or digest, unless all
	all      bool          // every tag
	auth     registry.Auth
	json     bool
	platform *platform // nil: the host's
}

func decodePull(job *engine.Job) (pullOptions, error) {
	opt := pullOptions{json: job.GetenvBool("json")}
	if err := job.GetenvJson("authConfig", &opt.auth); err != nil {
		return opt, err
	}
	var err error
	if opt.name, err = reference.Parse(job.Args[0]); err != nil {
		return opt, errdefs.InvalidArgument("invalid reference format: %q names no repository: %w", job.Args[0], err)
	}
	if len(job.Args) > 1 && job.Args[1] != "" {
		text := opt.name.Name() + ":" + job.Args[1]
		if strings.Contains(job.Args[1], ":") { // a digest
			text = opt.name.Name() + "@" + job.Args[1]
		}
		if opt.name, err = reference.Parse(text); err != nil {
			return opt, errdefs.InvalidArgument("invalid reference format: %q is neither a tag nor a digest: %w", job.Args[1], err)
		}
	}
	opt.all = opt.name.IsNameOnly()
	if opt.name.Digest != "" {
		opt.name.Tag = "" // the digest says it all
	}
	if strings.HasSuffix(opt.name.Name(), "/scratch") && opt.name.FamiliarName() == "scratch" {
		return opt, errdefs.InvalidArgument("'scratch' is a reserved name")
	}
	if text := job.Getenv("platform"); text != "" {
		p, err := parsePlatform(text)
		if err != nil {
			return opt, err
		}
		opt.platform = &p
	}
	return opt, nil
}

// jobPull brings images from a registry.
//
//	Usage:  pull NAME [TAG]
//	Env:    authConfig, json, metaHeaders, parallel, platform
//	Stdout: progress
//	Errors: NotFound (repository, tag, platform), Unauthorized, Unavailable (the
//	        registry, what it gives), InvalidArgument (name)
//	Events: pull
//
// A pull that fails or is cancelled leaves nothing but whole images that it has
// brought before.
func (s *Store) jobPull(job *engine.Job) error {
	opt, err := decodePull(job)
	if err != nil {
		return err
	}
	return s.Pull(job.Context(), opt, jsonstream.NewWriter(job.Stdout, opt.json))
}

// Pull brings images from a registry.
func (s *Store) Pull(ctx context.Context, opt pullOptions, out *jsonstream.Writer) error {
	if s.registries == nil {
		return errdefs.NotImplemented("this engine reaches no registries")
	}
	repo, err := s.registries.Open(ctx, opt.name, opt.auth, false)
	if errors.Is(err, registry.ErrNoV2) {
		return s.pullV1(ctx, opt, out)
	}
	if err != nil {
		return err
	}
	refs := []reference.Ref{opt.name}
	if opt.all {
		tags, err := repo.Tags(ctx)
		if err != nil {
			return err
		}
		if len(tags) == 0 {
			return errdefs.NotFound("the repository %s has no tags", opt.name.FamiliarName())
		}
		slices.Sort(tags)
		refs = nil
		for _, tag := range tags {
			ref, err := opt.name.WithTag(tag)
			if err != nil {
				return errdefs.Unavailable("registry %s lists a tag that is none: %q", repo.Endpoint(), tag)
			}
			refs = append(refs, ref)
		}
	}
	newer := false
	for _, ref := range refs {
		p := &puller{s: s, repo: repo, ref: ref, opt: opt, out: out}
		changed, err := p.pull(ctx)
		if err != nil {
			return err
		}
		newer = newer || changed
	}
	return pullStatus(out, opt, newer)
}

func pullStatus(out *jsonstream.Writer, opt pullOptions, newer bool) error {
	name := opt.name.FamiliarString()
	if newer {
		return out.Status("", "Status: Downloaded newer image for %s", name)
	}
	return out.Status("", "Status: Image is up to date for %s", name)
}

// puller brings one image.
type puller struct {
	s    *Store
	repo registry.Repository
	ref  reference.Ref // with tag or digest
	opt  pullOptions
	out  *jsonstream.Writer
}

// wanted is the tag or the digest that is asked for.
func (p *puller) wanted() string {
	if p.ref.Digest != "" {
		return p.ref.Digest
	}
	return p.ref.Tag
}

// shown is what messages call it: a digest with its repository before it.
func (p *puller) shown() string {
	if p.ref.Digest != "" {
		return p.ref.FamiliarName() + "@" + p.ref.Digest
	}
	return p.ref.Tag
}

// pull brings the image and tells whether that made a difference.
func (p *puller) pull(ctx context.Context) (newer bool, err error) {
	if digest, ok := p.unchanged(ctx); ok {
		return false, errors.Join(p.out.Status(p.shown(), "Pulling from %s", p.ref.Path), p.out.Status("", "Digest: %s", digest))
	}
	m, err := p.repo.Manifest(ctx, p.wanted())
	if err != nil { // nothing was said yet, so that it is the answer
		return false, err
	}
	if err := p.out.Status(p.shown(), "Pulling from %s", p.ref.Path); err != nil {
		return false, err
	}
	before := p.s.current.Load().refs[p.ref.String()]
	img, err := p.bring(ctx, m, []string{m.Digest})
	if err != nil {
		return false, err
	}
	if err := p.out.Status("", "Digest: %s", m.Digest); err != nil {
		return false, err
	}
	if img.ID == before {
		return false, nil
	}
	p.s.event(ctx, "pull", p.ref.FamiliarString(), map[string]string{"name": p.ref.FamiliarName()})
	return true, nil
}

// unchanged asks the registry whether the image is what we have: one request.
func (p *puller) unchanged(ctx context.Context) (digest string, ok bool) {
	now := p.s.current.Load()
	img := now.images[now.refs[p.ref.String()]]
	if img == nil || !p.fits(img) {
		return "", false
	}
	if digest = p.ref.Digest; digest != "" {
		return digest, true // content that has a digest does not change
	}
	d, err := p.repo.HeadManifest(ctx, p.ref.Tag)
	if err != nil || d.Digest == "" {
		return "", false // the request for the manifest will tell
	}
	return d.Digest, now.refs[digestRef(p.ref, d.Digest).String()] == img.ID
}

// fits tells whether an image is for the platform that is asked for.
func (p *puller) fits(img *image.Image) bool {
	want := hostPlatform()
	if p.opt.platform != nil {
		want = *p.opt.platform
	}
	return want.matches(platform{OS: img.OS, Architecture: img.Architecture, Variant: img.Variant})
}

// digestRef is the name of a digest in the repository of ref.
func digestRef(ref reference.Ref, digest string) reference.Ref {
	return reference.Ref{Domain: ref.Domain, Path: ref.Path, Digest: digest}
}

// bring brings what a manifest describes, with the name that is asked for and
// those of the digests of the manifests on the way to it.
func (p *puller) bring(ctx context.Context, m registry.Manifest, digests []string) (*image.Image, error) {
	names := make([]reference.Ref, 0, 2)
	if p.ref.Tag != "" {
		names = append(names, p.ref)
	}
	names = append(names, digestRef(p.ref, digests[0]))
	switch m.MediaType {
	case registry.TypeSchema2, registry.TypeOCIManifest:
		return p.bringManifest(ctx, m, names)
	case registry.TypeManifestList, registry.TypeOCIIndex:
		d, err := choosePlatform(m, p.opt.platform)
		if err != nil {
			return nil, fmt.Errorf("pulling %s: %w", p.ref.FamiliarString(), err)
		}
		if len(digests) > maxLayoutDepth {
			return nil, errdefs.InvalidArgument("the indexes of %s lie too deep in each other", p.ref.FamiliarString())
		}
		below, err := p.repo.Manifest(ctx, d.Digest)
		if err != nil {
			return nil, err
		}
		return p.bring(ctx, below, append(digests, below.Digest))
	case registry.TypeSignedSchema1, registry.TypeSchema1:
		return p.bringSchema1(ctx, m, names)
	}
	return nil, errdefs.InvalidArgument("the manifest of %s has the media type %q, which is no image", p.ref.FamiliarString(), m.MediaType)
}

// bringManifest brings an image of schema 2 or of the OCI specification.
func (p *puller) bringManifest(ctx context.Context, m registry.Manifest, names []reference.Ref) (*image.Image, error) {
	man, err := parseManifest(m)
	if err != nil {
		return nil, fmt.Errorf("pulling %s: %w", p.ref.FamiliarString(), err)
	}
	raw, err := p.config(ctx, man)
	if err != nil {
		return nil, err
	}
	img, err := image.Parse(raw)
	if err != nil {
		return nil, err
	}
	if len(img.RootFS.DiffIDs) != len(man.Layers) {
		return nil, errdefs.InvalidArgument("the image document of %s names %d layers, its manifest %d",
			p.ref.FamiliarString(), len(img.RootFS.DiffIDs), len(man.Layers))
	}
	var sources []layerSource
	for i, d := range man.Layers {
		sources = append(sources, p.source(d, img.RootFS.DiffIDs[i]))
	}
	held, err := p.s.bringLayers(ctx, sources)
	if err != nil {
		return nil, fmt.Errorf("pulling %s: %w", p.ref.FamiliarString(), err)
	}
	defer held.release()
	kept, err := p.s.keepDocument(ctx, held, raw, "", names...)
	if err != nil {
		return nil, err
	}
	p.s.remember(kept.ID, p.ref, m, man, held.diffIDs)
	return kept, nil
}

// config reads the document of the image.
func (p *puller) config(ctx context.Context, man ociManifest) ([]byte, error) {
	if img := p.s.current.Load().images[man.Config.Digest]; img != nil {
		return img.Raw, nil
	}
	if man.Config.Size > image.MaxConfigSize {
		return nil, errdefs.InvalidArgument("the image document of %s has %d bytes, which is too large", p.ref.FamiliarString(), man.Config.Size)
	}
	body, err := p.repo.Blob(ctx, registry.Descriptor{Digest: man.Config.Digest, Size: man.Config.Size})
	if err != nil {
		return nil, err
	}
	return readConfig(body, p.ref.FamiliarString())
}
