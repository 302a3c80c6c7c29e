//go:build linux

package bridge

import (
	"fmt"

	"github.com/enginejobs/docker/pkg/nft"
)

// legacyKey names one element of one map.
type legacyKey struct{ set, key string }

// readLegacy notes the redirections that a predecessor left, so that they go on
// working until the containers they lead to are restored.
func (f *firewall) readLegacy(warn func(string, ...any)) {
	for _, set := range []string{published, publishedAt} {
		list, err := f.conn.Elements(f.table, set)
		if err != nil {
			warn("published ports are unreachable until their containers are restored: %v", err)
		}
		for _, e := range list {
			f.legacy[legacyKey{set, string(e.Key)}] = e
		}
	}
}

// dropLegacy ends the redirections that nobody has claimed. It is called when a
// new container comes: those that were running have been restored by then, and
// no stale redirection must lead to the newcomer.
func (f *firewall) dropLegacy() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.legacy) == 0 {
		return nil
	}
	gone := f.legacy
	f.legacy = make(map[legacyKey]nft.Element)
	err := f.change(func(b *nft.Batch) {
		for k, e := range gone {
			b.Delete(f.table, k.set, nft.Element{Key: e.Key})
		}
	})
	if err != nil {
		return fmt.Errorf("ending %d redirection(s) of a former process: %w", len(gone), err)
	}
	return nil
}
