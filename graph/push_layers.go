//go:build linux

package graph

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
	"github.com/enginejobs/docker/pkg/pipe"
	"github.com/enginejobs/docker/registry"
)

// gzipLevel packs layers for the way: nearly twice as fast as the usual 6, and a
// tenth larger.
const gzipLevel = 2

// sendLayers sends what the registry does not have, side by side, and describes
// all layers, base first.
func (p *pusher) sendLayers(ctx context.Context, img *image.Image) ([]ociDescriptor, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	diffIDs := img.RootFS.DiffIDs
	chains := image.ChainIDs(diffIDs)
	layers := make([]ociDescriptor, len(diffIDs))
	first := make(map[string]int, len(diffIDs)) // a layer may be there twice
	var wg sync.WaitGroup
	for i := len(diffIDs) - 1; i >= 0; i-- {
		if _, twice := first[diffIDs[i]]; twice {
			continue
		}
		first[diffIDs[i]] = i
		_ = p.out.Progress(image.ShortID(diffIDs[i]), "Preparing", jsonstream.Progress{})
	}
	for diffID, i := range first {
		wg.Go(func() {
			d, err := p.sendLayer(ctx, diffID, chains[i])
			if err != nil {
				cancel(fmt.Errorf("pushing layer %s: %w", image.ShortID(diffID), err)) // the first one counts
				return
			}
			layers[i] = d
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for i, diffID := range diffIDs {
		layers[i] = layers[first[diffID]]
	}
	return layers, nil
}

// sendLayer makes sure that the registry has a layer.
func (p *pusher) sendLayer(ctx context.Context, diffID, chain string) (ociDescriptor, error) {
	id := image.ShortID(diffID)
	if len(p.s.uploads) == cap(p.s.uploads) {
		_ = p.out.Progress(id, "Waiting", jsonstream.Progress{})
	}
	release, err := p.s.uploads.take(ctx)
	if err != nil {
		return ociDescriptor{}, err
	}
	defer release()
	d, u, err := p.find(ctx, diffID)
	if err != nil || d.Digest != "" {
		return d, err
	}
	for try := 1; ; try++ { // a stream cannot go on where it broke
		if u == nil {
			if u, err = p.repo.Upload(ctx); err != nil {
				return ociDescriptor{}, err
			}
		}
		if d, err = p.upload(ctx, u, id, chain); err == nil {
			break
		}
		u.Cancel()
		if !p.s.registries.Again(ctx, try, err) {
			return ociDescriptor{}, err
		}
		_ = p.out.Progress(id, "Retrying", jsonstream.Progress{})
		u = nil
	}
	p.s.rememberBlob(diffID, knownBlob{Digest: d.Digest, Size: d.Size, MediaType: d.MediaType, Repository: p.ref.Name()})
	_ = p.out.Progress(id, "Pushed", jsonstream.Progress{})
	return d, nil
}

// find looks for a layer at the registry: in the repository, or in another one
// from which it can be taken over. It may come back with an upload begun.
func (p *pusher) find(ctx context.Context, diffID string) (d ociDescriptor, u registry.Upload, err error) {
	id, host := image.ShortID(diffID), p.ref.Domain+"/"
	known := p.s.knownBlobs(diffID)
	for _, b := range known {
		if b.Repository != p.ref.Name() {
			continue
		}
		if _, has, err := p.repo.StatBlob(ctx, b.Digest); err != nil {
			return d, nil, err
		} else if has {
			_ = p.out.Progress(id, "Layer already exists", jsonstream.Progress{})
			return b.descriptor(), nil, nil
		}
	}
	tried := 0
	for _, b := range known {
		from, ok := strings.CutPrefix(b.Repository, host)
		if !ok || b.Repository == p.ref.Name() || tried == 3 {
			continue
		}
		tried++
		if u != nil {
			u.Cancel()
		}
		var mounted bool
		if mounted, u, err = p.repo.MountBlob(ctx, b.Digest, from); err != nil {
			if ctx.Err() != nil {
				return d, nil, err
			}
			u = nil // it can be sent in any case
			continue
		}
		if mounted {
			p.s.rememberBlob(diffID, knownBlob{Digest: b.Digest, Size: b.Size, MediaType: b.MediaType, Repository: p.ref.Name()})
			_ = p.out.Progress(id, "Mounted from "+from, jsonstream.Progress{})
			return b.descriptor(), nil, nil
		}
	}
	return d, u, nil
}

// descriptor is a blob as a manifest of Docker's schema 2 names it.
func (b knownBlob) descriptor() ociDescriptor {
	kind := b.MediaType
	if kind == "" || !strings.Contains(kind, "zstd") {
		kind = mediaDockerLayer
	}
	return ociDescriptor{MediaType: kind, Digest: b.Digest, Size: b.Size}
}

// upload packs and sends a layer.
func (p *pusher) upload(ctx context.Context, u registry.Upload, id, chain string) (ociDescriptor, error) {
	layer, length, err := p.s.openLayer(ctx, chain)
	if err != nil {
		return ociDescriptor{}, err
	}
	defer layer.Close()
	packed := pipe.From(func(w io.Writer) error {
		return pack(w, &pushedReader{r: layer, out: p.out, id: id, total: length})
	})
	sum := sha256.New()
	size, err := u.Send(ctx, io.TeeReader(packed, sum))
	if err = cmp.Or(packed.Close(), err); err != nil {
		return ociDescriptor{}, err
	}
	digest := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	if err := u.Commit(ctx, digest); err != nil {
		return ociDescriptor{}, err
	}
	return ociDescriptor{MediaType: mediaDockerLayer, Digest: digest, Size: size}, nil
}

// pack compresses. The same content gives the same bytes.
func pack(w io.Writer, r io.Reader) error {
	gz, err := gzip.NewWriterLevel(w, gzipLevel)
	if err != nil {
		return err
	}
	if _, err := io.Copy(gz, r); err != nil {
		return err
	}
	return gz.Close()
}

// pushedReader shows how far a layer is. It is used by one goroutine.
type pushedReader struct {
	r           io.Reader
	out         *jsonstream.Writer
	id          string
	done, total int64
	last        time.Time
}

// Read passes on.
func (p *pushedReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done += int64(n)
	if now := time.Now(); now.Sub(p.last) >= barEvery || err != nil {
		p.last = now
		_ = p.out.Progress(p.id, "Pushing", jsonstream.Progress{Current: p.done, Total: max(p.total, p.done)})
	}
	return n, err
}
