package registry

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/enginejobs/docker/errdefs"
)

// mirrored is a Repository that several addresses have. Who gives the manifest
// gives the rest; when a mirror fails at that, the registry itself is asked.
type mirrored struct {
	all    []*repository // the registry itself last
	chosen atomic.Int32
}

func newMirrored(all []*repository) *mirrored {
	for i, r := range all {
		r.others = all[i+1:]
	}
	return &mirrored{all: all}
}

// each tries the addresses from the chosen one on.
func (m *mirrored) each(ctx context.Context, ask func(*repository) error) error {
	for i := int(m.chosen.Load()); ; i++ {
		r := m.all[i]
		err := r.s.ping(ctx, r.session, defaultDomain)
		if err == nil {
			err = ask(r)
		}
		if errdefs.Is(err, errdefs.KindUnavailable) && r.at.mirror && ctx.Err() == nil {
			r.s.rest(r.at)
		}
		if err == nil {
			m.chosen.Store(int32(i))
			return nil
		}
		if ctx.Err() != nil || i == len(m.all)-1 {
			return err
		}
		r.s.opt.Logf("registry mirror %s: %v", r.at, err)
	}
}

func (m *mirrored) last() *repository { return m.all[len(m.all)-1] }

// Endpoint returns the URL of who was chosen.
func (m *mirrored) Endpoint() string { return m.all[m.chosen.Load()].Endpoint() }

// Manifest reads a manifest.
func (m *mirrored) Manifest(ctx context.Context, ref string) (out Manifest, err error) {
	err = m.each(ctx, func(r *repository) error { out, err = r.Manifest(ctx, ref); return err })
	return out, err
}

// HeadManifest asks what a tag or digest is.
func (m *mirrored) HeadManifest(ctx context.Context, ref string) (out Descriptor, err error) {
	err = m.each(ctx, func(r *repository) error { out, err = r.HeadManifest(ctx, ref); return err })
	return out, err
}

// Tags lists the tags.
func (m *mirrored) Tags(ctx context.Context) (out []string, err error) {
	err = m.each(ctx, func(r *repository) error { out, err = r.Tags(ctx); return err })
	return out, err
}

// Blob reads a blob.
func (m *mirrored) Blob(ctx context.Context, d Descriptor) (out io.ReadCloser, err error) {
	err = m.each(ctx, func(r *repository) error { out, err = r.Blob(ctx, d); return err })
	return out, err
}

// StatBlob tells whether the repository has a blob.
func (m *mirrored) StatBlob(ctx context.Context, digest string) (out Descriptor, has bool, err error) {
	err = m.each(ctx, func(r *repository) error { out, has, err = r.StatBlob(ctx, digest); return err })
	return out, has, err
}

// MountBlob is for the registry itself.
func (m *mirrored) MountBlob(ctx context.Context, digest, from string) (bool, Upload, error) {
	return m.last().MountBlob(ctx, digest, from)
}

// Upload is for the registry itself.
func (m *mirrored) Upload(ctx context.Context) (Upload, error) { return m.last().Upload(ctx) }

// PutManifest is for the registry itself.
func (m *mirrored) PutManifest(ctx context.Context, ref string, manifest Manifest) (string, error) {
	if ref == "" {
		return "", errdefs.InvalidArgument("a manifest needs a tag or a digest")
	}
	return m.last().PutManifest(ctx, ref, manifest)
}
