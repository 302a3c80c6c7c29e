// Package truncindex finds identifiers by a unique prefix.
//
// An Index owns a sorted list of ids; it is safe for concurrent use and its lock
// is held for moments only. Start reading at Get. The package knows nothing of containers or images and must not import
// anything of this module; callers turn its three errors into their kinds.
package truncindex

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
)

// What can go wrong; ask with errors.Is.
var (
	ErrNotFound  = errors.New("no such id")
	ErrAmbiguous = errors.New("ambiguous prefix")
	ErrIllegal   = errors.New("illegal id")
	ErrExists    = errors.New("id is there already")
)

// Index holds ids. The zero value is empty and ready.
type Index struct {
	mu  sync.RWMutex
	ids []string // guarded by mu: sorted
}

// Add puts id into the index; adding one twice is ErrExists.
func (x *Index) Add(id string) error {
	if id == "" || strings.ContainsAny(id, " /") {
		return fmt.Errorf("%w: %q", ErrIllegal, id)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	at, found := slices.BinarySearch(x.ids, id)
	if found {
		return fmt.Errorf("%w: %s", ErrExists, id)
	}
	x.ids = slices.Insert(x.ids, at, id)
	return nil
}

// Delete takes id out of the index. Deleting what is not there does nothing.
func (x *Index) Delete(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if at, found := slices.BinarySearch(x.ids, id); found {
		x.ids = slices.Delete(x.ids, at, at+1)
	}
}

// Get returns the one id that begins with prefix. None is ErrNotFound; several,
// without an exact one among them, are ErrAmbiguous that names a few.
func (x *Index) Get(prefix string) (string, error) {
	if prefix == "" {
		return "", fmt.Errorf("%w: the prefix cannot be empty", ErrIllegal)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	ids := x.ids
	at := sort.SearchStrings(ids, prefix)
	if at == len(ids) || !strings.HasPrefix(ids[at], prefix) {
		return "", fmt.Errorf("%w: %s", ErrNotFound, prefix)
	}
	if ids[at] == prefix || at+1 == len(ids) || !strings.HasPrefix(ids[at+1], prefix) {
		return ids[at], nil
	}
	var some []string
	for _, id := range ids[at:min(at+3, len(ids))] {
		if strings.HasPrefix(id, prefix) {
			some = append(some, id[:min(len(id), max(12, len(prefix)+2))])
		}
	}
	return "", fmt.Errorf("%w %s: it matches %s; give more characters",
		ErrAmbiguous, prefix, strings.Join(some, ", "))
}

// Len is the number of ids.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.ids)
}
