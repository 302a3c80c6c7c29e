//go:build linux

package graph

import (
	"archive/tar"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/enginejobs/docker/image"
)

// exportPlan is what goes into an archive, in order: documents first, so that
// who reads it knows what the layers are for when they come, then the layers.
type exportPlan struct {
	top       []exportedDocument // oci-layout, index.json, manifest.json, repositories
	blobs     []exportedDocument // configurations and manifests
	layers    []exportedLayer    // base first
	classic   map[string]bool    // ids that have a directory
	seen      map[string]bool    // digests of blobs and layers
	index     ociIndex
	manifests []dockerManifest
	repos     map[string]map[string]string
}

type exportedDocument struct {
	name    string
	content []byte
}

// exportedLayer is the archive of a layer and the classic directories that link
// to it: the same layer is another classic one on another parent.
type exportedLayer struct {
	diffID, chainID string
	size            int64
	classic         []classicLayer
}

// writeExport writes the archive. The images are held.
func (s *Store) writeExport(ctx context.Context, list []exportedImage, w io.Writer) error {
	p := &exportPlan{
		classic: make(map[string]bool), seen: make(map[string]bool), repos: make(map[string]map[string]string),
		index: ociIndex{SchemaVersion: 2, MediaType: mediaIndex},
	}
	chosen := make(map[string]bool)
	for _, e := range list {
		chosen[e.img.ID] = true
	}
	for _, e := range list {
		if err := s.planExport(ctx, p, e, chosen); err != nil {
			return err
		}
	}
	if err := p.finish(); err != nil {
		return err
	}
	buf := bufio.NewWriterSize(w, 256<<10)
	out := &exportWriter{tw: tar.NewWriter(buf), buf: make([]byte, 256<<10)}
	if err := s.writePlan(ctx, p, out); err != nil {
		return err
	}
	return errors.Join(out.tw.Close(), buf.Flush())
}

// planExport adds an image. chosen are the ids of all that are exported.
func (s *Store) planExport(ctx context.Context, p *exportPlan, e exportedImage, chosen map[string]bool) error {
	img := e.img
	layers, err := toClassic(img)
	if err != nil {
		return err
	}
	m := ociManifest{SchemaVersion: 2, MediaType: mediaManifest, Layers: []ociDescriptor{}}
	m.Config = p.blob(mediaConfig, img.Raw)
	d := dockerManifest{Config: blobName(img.ID), Layers: []string{}}
	if chosen[img.Parent] {
		d.Parent = img.Parent
	}
	for i, chain := range image.ChainIDs(img.RootFS.DiffIDs) {
		diffID := img.RootFS.DiffIDs[i]
		size, err := s.planLayer(ctx, p, diffID, chain, layers[i])
		if err != nil {
			return err
		}
		m.Layers = append(m.Layers, ociDescriptor{MediaType: mediaLayer, Digest: diffID, Size: size})
		d.Layers = append(d.Layers, blobName(diffID))
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	found := p.blob(mediaManifest, raw)
	for _, name := range e.names {
		named := found
		named.Annotations = map[string]string{annotationName: name.String(), annotationRef: name.Tag}
		p.index.Manifests = append(p.index.Manifests, named)
		d.RepoTags = append(d.RepoTags, name.FamiliarString())
		if len(layers) > 0 {
			repo := name.FamiliarName()
			if p.repos[repo] == nil {
				p.repos[repo] = make(map[string]string)
			}
			p.repos[repo][name.Tag] = layers[len(layers)-1].id
		}
	}
	if len(e.names) == 0 {
		p.index.Manifests = append(p.index.Manifests, found)
	}
	p.manifests = append(p.manifests, d)
	return nil
}

// planLayer adds a layer that is not there yet and tells its size.
func (s *Store) planLayer(ctx context.Context, p *exportPlan, diffID, chain string, classic classicLayer) (int64, error) {
	at := len(p.layers)
	for i := range p.layers {
		if p.layers[i].diffID == diffID {
			at = i
		}
	}
	if at == len(p.layers) {
		size, err := s.layerLength(ctx, chain)
		if err != nil {
			return 0, fmt.Errorf("layer %s: %w", diffID, err)
		}
		p.layers = append(p.layers, exportedLayer{diffID: diffID, chainID: chain, size: size})
	}
	if !p.classic[classic.id] {
		p.classic[classic.id] = true
		p.layers[at].classic = append(p.layers[at].classic, classic)
	}
	return p.layers[at].size, nil
}

// layerLength is the length of a layer's archive. Where it was not kept, the
// archive is read to find out.
func (s *Store) layerLength(ctx context.Context, chain string) (int64, error) {
	rc, size, err := s.openLayer(ctx, chain)
	if err != nil {
		return 0, err
	}
	defer rc.Close()
	if size >= 0 {
		return size, nil
	}
	return io.Copy(io.Discard, &loadReader{r: rc, ctx: ctx})
}

func blobName(digest string) string { return "blobs/sha256/" + hexOf(digest) }

// blob adds a document and describes it.
func (p *exportPlan) blob(mediaType string, content []byte) ociDescriptor {
	d := ociDescriptor{MediaType: mediaType, Digest: image.Digest(content), Size: int64(len(content))}
	if !p.seen[d.Digest] {
		p.seen[d.Digest] = true
		p.blobs = append(p.blobs, exportedDocument{blobName(d.Digest), content})
	}
	return d
}

// finish makes the documents that list all images.
func (p *exportPlan) finish() error {
	add := func(name string, value any) error {
		raw, err := json.Marshal(value)
		if err != nil {
			return err
		}
		p.top = append(p.top, exportedDocument{name, raw})
		return nil
	}
	err := errors.Join(
		add("oci-layout", map[string]string{"imageLayoutVersion": "1.0.0"}),
		add("index.json", p.index),
		add("manifest.json", p.manifests),
	)
	if len(p.repos) > 0 {
		err = errors.Join(err, add("repositories", p.repos))
	}
	return err
}

// writePlan writes what is planned.
func (s *Store) writePlan(ctx context.Context, p *exportPlan, out *exportWriter) error {
	for _, d := range p.top {
		if err := out.file(d.name, d.content); err != nil {
			return err
		}
	}
	for _, dir := range []string{"blobs/", "blobs/sha256/"} {
		if err := out.dir(dir); err != nil {
			return err
		}
	}
	for _, d := range p.blobs {
		if err := out.file(d.name, d.content); err != nil {
			return err
		}
	}
	for _, l := range p.layers {
		if err := s.writeLayer(ctx, l, out); err != nil {
			return fmt.Errorf("layer %s: %w", l.diffID, err)
		}
	}
	return nil
}

func (s *Store) writeLayer(ctx context.Context, l exportedLayer, out *exportWriter) error {
	if err := out.layer(ctx, s, l); err != nil {
		return err
	}
	for _, c := range l.classic {
		err := errors.Join(
			out.dir(c.id+"/"),
			out.file(c.id+"/VERSION", []byte(classicVersion)),
			out.file(c.id+"/json", c.json),
			out.link(c.id+"/layer.tar", "../"+blobName(l.diffID)),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// exportWriter writes entries that are the same whenever they are written.
type exportWriter struct {
	tw  *tar.Writer
	buf []byte
}

func (w *exportWriter) header(name string, kind byte, mode, size int64, target string) error {
	return w.tw.WriteHeader(&tar.Header{Name: name, Typeflag: kind, Mode: mode, Size: size, Linkname: target, ModTime: time.Unix(0, 0)})
}

func (w *exportWriter) dir(name string) error { return w.header(name, tar.TypeDir, 0o755, 0, "") }

func (w *exportWriter) link(name, target string) error {
	return w.header(name, tar.TypeSymlink, 0o777, 0, target)
}

func (w *exportWriter) file(name string, content []byte) error {
	if err := w.header(name, tar.TypeReg, 0o644, int64(len(content)), ""); err != nil {
		return err
	}
	_, err := w.tw.Write(content)
	return err
}

// layer writes the archive of a layer as a blob.
func (w *exportWriter) layer(ctx context.Context, s *Store, l exportedLayer) error {
	rc, _, err := s.openLayer(ctx, l.chainID)
	if err != nil {
		return err
	}
	defer rc.Close()
	if err := w.header(blobName(l.diffID), tar.TypeReg, 0o644, l.size, ""); err != nil {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{w.tw}, &loadReader{r: rc, ctx: ctx}, w.buf)
	if err == nil && n != l.size {
		err = fmt.Errorf("its archive has %d bytes, not %d", n, l.size)
	}
	return err
}
