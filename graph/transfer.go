//go:build linux

package graph

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
	"github.com/enginejobs/docker/registry"
)

// Transfers at a time, for all callers: what Docker has always done.
const (
	downloadsAtOnce = 3
	uploadsAtOnce   = 5
)

// slots bounds how many do something at a time.
type slots chan struct{}

func newSlots(n int) slots { return make(slots, n) }

// take waits for a slot; release gives it back.
func (s slots) take(ctx context.Context) (release func(), err error) {
	select {
	case s <- struct{}{}:
		return sync.OnceFunc(func() { <-s }), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// source is a layer that comes from the registry.
func (p *puller) source(d ociDescriptor, diffID string) layerSource {
	bar := newLayerBar(p.out, d)
	return layerSource{
		diffID: diffID, size: d.Size, progress: bar.show,
		open: func(ctx context.Context, report func(layerState)) (io.ReadCloser, error) {
			return p.s.openBlob(ctx, p.repo, d, report)
		},
	}
}

// openBlob begins to download a layer when it is its turn.
func (s *Store) openBlob(ctx context.Context, repo registry.Repository, d ociDescriptor, report func(layerState)) (io.ReadCloser, error) {
	report(layerState{phase: layerWaiting})
	release, err := s.downloads.take(ctx)
	if err != nil {
		return nil, err
	}
	want := registry.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	if foreign(d.MediaType) {
		want.URLs = d.URLs
	}
	body, err := repo.Blob(ctx, want)
	if err != nil {
		release()
		return nil, err
	}
	report(layerState{phase: layerFetching, total: d.Size})
	return &slotBody{body, release}, nil
}

// foreign tells whether a layer of that type may be at other places than the
// registry: one whose licence forbids to pass it on.
func foreign(mediaType string) bool {
	return mediaType == mediaDockerForeignLayer || strings.Contains(mediaType, ".nondistributable.")
}

// slotBody gives a slot back with the end of its body.
type slotBody struct {
	io.ReadCloser
	release func()
}

// Close closes the body.
func (b *slotBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}

// layerBar shows what becomes of one layer, as users of Docker know it. A layer is
// unpacked while it comes, so there is one way from the first byte to the last:
// it is shown as the download, and the rest of the work as the extraction.
type layerBar struct {
	out *jsonstream.Writer
	id  string

	mu      sync.Mutex // guards the rest; never held while something is sent
	total   int64
	said    string    // the last status
	last    time.Time // when progress was sent
	started int64     // unix seconds
}

// barEvery is the time between two pictures of a bar.
const barEvery = 100 * time.Millisecond

func newLayerBar(out *jsonstream.Writer, d ociDescriptor) *layerBar {
	b := &layerBar{out: out, id: image.ShortID(d.Digest), total: d.Size}
	b.say("Pulling fs layer")
	return b
}

// say sends a status once.
func (b *layerBar) say(status string) {
	b.mu.Lock()
	again := b.said == status || status == "Waiting" && b.said != "Pulling fs layer"
	if !again {
		b.said = status
	}
	b.mu.Unlock()
	if !again {
		_ = b.out.Progress(b.id, status, jsonstream.Progress{}) // a client that went away does not disturb
	}
}

// show is told of every change.
func (b *layerBar) show(state layerState) {
	switch state.phase {
	case layerWaiting:
		b.say("Waiting")
	case layerExists:
		b.say("Already exists")
	case layerFetching, layerUnpacking:
		b.advance(state)
	case layerDone:
		b.say("Pull complete")
	}
}

// advance draws the bar.
func (b *layerBar) advance(state layerState) {
	b.mu.Lock()
	total := max(b.total, state.total)
	whole := total > 0 && state.current >= total
	now := time.Now()
	if b.started == 0 {
		b.started = now.Unix()
	}
	due := now.Sub(b.last) >= barEvery || whole && b.said != "Extracting"
	if due {
		b.last = now
	}
	before := b.said
	b.said = "Downloading"
	if whole {
		b.said = "Extracting"
	}
	started := b.started
	b.mu.Unlock()
	if whole {
		if before != "Extracting" {
			for _, status := range []string{"Verifying Checksum", "Download complete"} {
				_ = b.out.Progress(b.id, status, jsonstream.Progress{})
			}
			_ = b.out.Progress(b.id, "Extracting", jsonstream.Progress{Current: state.current, Total: total})
		}
		return
	}
	if due {
		_ = b.out.Progress(b.id, "Downloading", jsonstream.Progress{Current: state.current, Total: total, Start: started})
	}
}
