package builder

import "sync"

// holds keeps the images of a build from being pruned while it runs.
type holds struct {
	images imageStore

	mu       sync.Mutex
	releases []func()
}

func newHolds(images imageStore) *holds { return &holds{images: images} }

func (h *holds) add(id string) {
	release := h.images.HoldImage(id)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.releases = append(h.releases, release)
}

func (h *holds) releaseAll() {
	h.mu.Lock()
	list := h.releases
	h.releases = nil
	h.mu.Unlock()
	for _, release := range list {
		release()
	}
}
