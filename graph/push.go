//go:build linux

package graph

import (
	"bytes"
	"context"
	"encoding/json"
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

func (s *Store) pushDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "push", Summary: "Send an image, or all of a repository, to its registry.",
		Args: []engine.Arg{{Name: "NAME", Summary: "repository; may carry a tag"}},
		Env: []engine.Key{
			{Name: "authConfig", Type: engine.JSON, Secret: true, Summary: "who asks, an api.AuthConfig"},
			{Name: "json", Type: engine.Bool, Summary: "progress as JSON objects instead of text"},
			{Name: "metaHeaders", Type: engine.JSON, Summary: "accepted and not sent"},
			{Name: "platform", Summary: "has to be the image's when it is given"},
			{Name: "tag", Summary: "tag; absent, and none in NAME: all tags"},
		},
		Stdout: engine.Bytes, Changes: true, Handler: s.jobPush,
	}
}

// pushOptions is what is asked for.
type pushOptions struct {
	name     reference.Ref // with tag, unless all
	all      bool          // every tag of the repository
	auth     registry.Auth
	json     bool
	platform *platform
}

func decodePush(job *engine.Job) (pushOptions, error) {
	opt := pushOptions{json: job.GetenvBool("json")}
	if err := job.GetenvJson("authConfig", &opt.auth); err != nil {
		return opt, err
	}
	var err error
	if opt.name, err = reference.Parse(job.Args[0]); err != nil {
		return opt, errdefs.InvalidArgument("invalid reference format: %q names no repository: %w", job.Args[0], err)
	}
	if opt.name.Digest != "" {
		return opt, errdefs.InvalidArgument("cannot push a digest reference")
	}
	if tag := job.Getenv("tag"); tag != "" {
		if opt.name, err = opt.name.WithTag(tag); err != nil {
			return opt, errdefs.InvalidArgument("invalid tag %q: %w", tag, err)
		}
	}
	opt.all = opt.name.Tag == ""
	if text := job.Getenv("platform"); text != "" {
		p, err := parsePlatform(text)
		if err != nil {
			return opt, err
		}
		opt.platform = &p
	}
	return opt, nil
}

// jobPush sends images to a registry.
//
//	Usage:  push NAME
//	Env:    authConfig, json, metaHeaders, platform, tag
//	Stdout: progress; for each tag a value with Tag, Digest and Size
//	Errors: NotFound (the image, the repository), Unauthorized, Unavailable (the
//	        registry), InvalidArgument (name)
//	Events: push
func (s *Store) jobPush(job *engine.Job) error {
	opt, err := decodePush(job)
	if err != nil {
		return err
	}
	return s.Push(job.Context(), opt, jsonstream.NewWriter(job.Stdout, opt.json))
}

// Push sends images to a registry.
func (s *Store) Push(ctx context.Context, opt pushOptions, out *jsonstream.Writer) error {
	if s.registries == nil {
		return errdefs.NotImplemented("this engine reaches no registries")
	}
	refs, err := s.pushed(opt)
	if err != nil {
		return err
	}
	if err := out.Status("", "The push refers to repository [%s]", opt.name.Name()); err != nil {
		return err
	}
	repo, err := s.registries.Open(ctx, opt.name, opt.auth, true)
	if errors.Is(err, registry.ErrNoV2) {
		return s.pushV1(ctx, opt, refs, out)
	}
	if err != nil {
		return err
	}
	for _, ref := range refs {
		p := &pusher{s: s, repo: repo, ref: ref, out: out}
		if err := p.push(ctx, opt); err != nil {
			return err
		}
	}
	return nil
}

// pushed lists the names that are sent.
func (s *Store) pushed(opt pushOptions) ([]reference.Ref, error) {
	now := s.current.Load()
	if !opt.all && now.refs[opt.name.String()] != "" {
		return []reference.Ref{opt.name}, nil
	}
	var refs []reference.Ref
	for text := range now.refs {
		if ref, err := reference.Parse(text); err == nil && ref.Tag != "" && ref.Name() == opt.name.Name() {
			refs = append(refs, ref)
		}
	}
	if len(refs) == 0 {
		return nil, errdefs.NotFound("An image does not exist locally with the tag: %s", opt.name.FamiliarName())
	}
	if !opt.all {
		return nil, errdefs.NotFound("tag does not exist: %s", opt.name.FamiliarString())
	}
	slices.SortFunc(refs, func(a, b reference.Ref) int { return strings.Compare(a.Tag, b.Tag) })
	return refs, nil
}

// pusher sends one image.
type pusher struct {
	s    *Store
	repo registry.Repository
	ref  reference.Ref // with tag
	out  *jsonstream.Writer
}

func (p *pusher) push(ctx context.Context, opt pushOptions) error {
	img, release, err := p.s.holdImage(p.ref.String())
	if err != nil {
		return err
	}
	defer release()
	if have := (platform{OS: img.OS, Architecture: img.Architecture, Variant: img.Variant}); opt.platform != nil && !opt.platform.matches(have) {
		return errdefs.NotFound("image %s is for %s, not for %s", p.ref.FamiliarString(), have, opt.platform)
	}
	m, err := p.unchanged(ctx, img)
	if err != nil {
		return err
	}
	if m == nil {
		if m, err = p.send(ctx, img); err != nil {
			return err
		}
	}
	return p.done(ctx, img, m)
}

// unchanged finds the image at the registry under a manifest that is known. It
// gives nil when there is something to send.
func (p *pusher) unchanged(ctx context.Context, img *image.Image) (*registry.Manifest, error) {
	for _, known := range p.s.knownManifests(img.ID) {
		if known.Repository != p.ref.Name() {
			continue
		}
		m := &registry.Manifest{MediaType: known.MediaType, Digest: known.Digest, Raw: known.Raw}
		d, err := p.repo.HeadManifest(ctx, p.ref.Tag)
		if errdefs.IsNotFound(err) || err == nil && d.Digest != m.Digest { // another tag of it may be there
			if _, err = p.repo.HeadManifest(ctx, m.Digest); err == nil {
				_, err = p.repo.PutManifest(ctx, p.ref.Tag, *m)
			}
		}
		if errdefs.IsNotFound(err) || errdefs.Is(err, errdefs.KindInvalidArgument) {
			return nil, nil // the registry has lost it
		}
		if err != nil {
			return nil, err
		}
		for _, diffID := range img.RootFS.DiffIDs {
			_ = p.out.Progress(image.ShortID(diffID), "Layer already exists", jsonstream.Progress{})
		}
		return m, nil
	}
	return nil, nil
}

// send sends layers, document and manifest.
func (p *pusher) send(ctx context.Context, img *image.Image) (*registry.Manifest, error) {
	man := ociManifest{SchemaVersion: 2, MediaType: mediaDockerManifest}
	var err error
	if man.Layers, err = p.sendLayers(ctx, img); err != nil {
		return nil, err
	}
	man.Config = ociDescriptor{MediaType: mediaDockerConfig, Digest: img.ID, Size: int64(len(img.Raw))}
	if err := p.sendDocument(ctx, img); err != nil {
		return nil, err
	}
	m := p.asPulled(img, man)
	if m == nil {
		raw, err := json.MarshalIndent(man, "", "   ")
		if err != nil {
			return nil, err
		}
		m = &registry.Manifest{MediaType: registry.TypeSchema2, Digest: image.Digest(raw), Raw: raw}
	}
	_, err = p.repo.PutManifest(ctx, p.ref.Tag, *m)
	if errdefs.Is(err, errdefs.KindInvalidArgument) { // a registry of before schema 2
		old, serr := p.schema1(img, man)
		if serr != nil {
			return nil, errors.Join(err, serr)
		}
		if digest, oerr := p.repo.PutManifest(ctx, p.ref.Tag, *old); oerr == nil {
			old.Digest = digest
			return old, nil
		}
	}
	if err != nil {
		return nil, err
	}
	p.s.remember(img.ID, p.ref, *m, man, img.RootFS.DiffIDs)
	return m, nil
}

// asPulled is a manifest under which the image was once pulled, if what the
// registry has now is what that names: the image keeps its digest.
func (p *pusher) asPulled(img *image.Image, man ociManifest) *registry.Manifest {
	for _, known := range p.s.knownManifests(img.ID) {
		m := registry.Manifest{MediaType: known.MediaType, Digest: known.Digest, Raw: known.Raw}
		old, err := parseManifest(m)
		same := err == nil && old.Config.Digest == man.Config.Digest && len(old.Layers) == len(man.Layers)
		for i := 0; same && i < len(man.Layers); i++ {
			same = old.Layers[i].Digest == man.Layers[i].Digest && len(old.Layers[i].URLs) == 0
		}
		if same {
			return &m
		}
	}
	return nil
}

// done names the image by its digest and tells what was pushed.
func (p *pusher) done(ctx context.Context, img *image.Image, m *registry.Manifest) error {
	p.s.change.Lock()
	var err error
	if name := digestRef(p.ref, m.Digest); p.s.current.Load().refs[name.String()] != img.ID && p.s.current.Load().images[img.ID] != nil {
		err = p.s.setName(name, img.ID, true)
	}
	p.s.change.Unlock()
	if err != nil {
		return err
	}
	if err := p.out.Status("", "%s: digest: %s size: %d", p.ref.Tag, m.Digest, len(m.Raw)); err != nil {
		return err
	}
	type result struct {
		Tag    string
		Digest string
		Size   int
	}
	if err := p.out.Aux(result{p.ref.Tag, m.Digest, len(m.Raw)}); err != nil {
		return err
	}
	p.s.event(ctx, "push", p.ref.FamiliarString(), map[string]string{"name": p.ref.FamiliarName()})
	return nil
}

// sendDocument sends the document of the image, unless it is there.
func (p *pusher) sendDocument(ctx context.Context, img *image.Image) error {
	if _, has, err := p.repo.StatBlob(ctx, img.ID); err != nil || has {
		return err
	}
	for try := 1; ; try++ {
		err := p.uploadDocument(ctx, img)
		if err == nil {
			return nil
		}
		if !p.s.registries.Again(ctx, try, err) {
			return fmt.Errorf("sending the document of %s: %w", p.ref.FamiliarString(), err)
		}
	}
}

func (p *pusher) uploadDocument(ctx context.Context, img *image.Image) error {
	u, err := p.repo.Upload(ctx)
	if err != nil {
		return err
	}
	if _, err = u.Send(ctx, bytes.NewReader(img.Raw)); err == nil {
		err = u.Commit(ctx, img.ID)
	}
	if err != nil {
		u.Cancel()
	}
	return err
}
